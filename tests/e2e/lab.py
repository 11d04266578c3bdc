"""What the e2e tests share: running ./kiln for real, job files derived from the founding one."""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOME = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("KILN_TEST_DATA")
                    or pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "kiln" / "e2e")
JOB = HOME / "jobs" / "kmap-local-page.yaml"
PARTS = HOME / "jobs" / "kmap-local-page"


def use(folder):
    """Makes the modules of tests/FOLDER importable."""
    sys.path.insert(0, str(HOME / "tests" / folder))


class Done:
    """A finished ./kiln: exit code, both streams, seconds."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.out[-3000:]}\n--- stderr\n{self.err[-5000:]}"


def kiln(*args, data=DATA, timeout=3600, env=None, cwd=None):
    """Runs ./kiln to its end; fails the test when it takes longer than `timeout` seconds."""
    process = start(*args, data=data, env=env, cwd=cwd)
    begun = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"kiln {' '.join(map(str, args))} took over {timeout} s\n{err[-4000:]}")
    return Done(process.returncode, out, err, time.monotonic() - begun)


STARTED = []


def start(*args, data=DATA, env=None, cwd=None):
    """./kiln in a process group of its own, streams captured; end_all() ends it when a test forgets it."""
    full = dict(os.environ, **(env or {}))
    full.pop("KILN_DATA_DIR", None)
    process = subprocess.Popen([str(HOME / "kiln"), "--data-dir", str(data), *map(str, args)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, errors="replace",
                               env=full, cwd=cwd, start_new_session=True)
    STARTED.append(process)
    return process


def end_all():
    """Ends what a failed test left running: the data folder must be free for the next one."""
    for process in STARTED:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
    STARTED.clear()


def end(process, how=signal.SIGKILL):
    """Ends a started ./kiln (only itself, as a user's kill would) and returns its exit code."""
    process.send_signal(how)
    process.communicate(timeout=60)
    return process.returncode


def free_ports(count):
    """TCP ports of the loopback that nobody listens at now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Folder:
    """A temporary folder with job files, removed at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="kiln-e2e-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def small_job(self, name="small", series=PARTS / "series", configs="[i386-highmem]", tests=None, pairs=0,
                  extra="", confirmations=39):
        """A quick job: one config, a short list on the mock node, no measuring unless asked."""
        tests = tests or ["igt@core_getversion@basic", "igt@gem_pread@self", "igt@gem_pwrite@basic-self"]
        self.write(f"{name}.testlist", "\n".join(tests) + "\n")
        return self.write(f"{name}.yaml", f"""kiln: 1
name: {name}
title: "small job for the tests"
source:
  package: linux-source-6.1
{f'series: {series}' if series else ''}
helpers: {PARTS / 'helpers'}
configs: {configs}
config_dir: {HOME / 'kernel-configs'}
machine:
  tags: [qemu]
tests:
  - name: gem
    list: {name}.testlist
    setup: ["modprobe i915 mock_node=1"]
    per_test: 60s
    timeout: 5m
repeats:
  confirmations: {confirmations}
  pairs: {pairs}
  instruction_boots: 0
{extra}
""")


def wait_for(process, pattern, timeout):
    """Reads stderr of a started ./kiln until its text matches; returns what was read."""
    descriptor = process.stderr.fileno()
    data, deadline = b"", time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not select.select([descriptor], [], [], 1)[0]:
            continue
        chunk = os.read(descriptor, 65536)
        data += chunk
        if re.search(pattern, data.decode(errors="replace")):
            return data.decode(errors="replace")
        if not chunk:
            break
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError(f"no line like {pattern!r} within {timeout} s:\n{data.decode(errors='replace')[-4000:]}")
