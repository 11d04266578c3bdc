"""Kiln's sessions against a bare script that does the same with QEMU, ssh and tar alone."""
import json
import os
import pathlib
import shlex
import socket
import subprocess
import tempfile
import threading
import time

from parts.common import CMDLINE, PER_TEST_SECONDS, SETUP, SHORT_LIST, BenchError, Figure, checked

READY = b"kiln-init: ready"
BOOT_LIMIT_SECONDS = 300
RUN_LIMIT_SECONDS = 1800


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Console:
    """Collects the serial console and tells when init says that SSH answers."""

    def __init__(self, path, log):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.ready = threading.Event()
        self.log = open(log, "wb")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        connection, _ = self.listener.accept()
        seen = b""
        while data := connection.recv(65536):
            self.log.write(data)
            seen = (seen + data)[-1_000_000:] if not self.ready.is_set() else b""
            if READY in seen:
                self.ready.set()


class BareSession:
    """One boot by hand. `image` is the root image's folder, `kernel` and `modules` plain files."""

    def __init__(self, image, kernel, modules, accel, cmdline):
        self.image, self.kernel, self.modules = image, kernel, modules
        self.accel, self.cmdline = accel, cmdline

    def seconds(self, tests, setup):
        with tempfile.TemporaryDirectory(prefix="kiln-bench-") as folder:
            self.folder = pathlib.Path(folder)
            started = time.monotonic()
            self._power_on()
            try:
                self._test(tests, setup)
            finally:
                self.qemu.kill()
                self.qemu.wait()
            results = checked(["tar", "-tf", self.folder / "results.tar"]).decode()
            if "results.json" not in results:
                raise BenchError("igt_runner on the bare machine left no results.json")
            return time.monotonic() - started

    def _power_on(self):
        """The options of agent/machine/qemu_command.cpp."""
        disk = self.folder / "root.qcow2"
        checked(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.image / "root.img", disk])
        console = Console(self.folder / "console.sock", self.folder / "console")
        self.port = free_port()
        argv = ["qemu-system-i386", "-nodefaults", "-no-user-config", "-display", "none",
                "-accel", self.accel, "-smp", "2", "-cpu", "Haswell-noTSX", "-m", "2048", "-rtc", "base=utc",
                "-no-reboot", "-chardev", f"socket,id=console,path={self.folder / 'console.sock'}",
                "-serial", "chardev:console", "-device", "virtio-rng-pci",
                "-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe,discard=unmap",
                "-netdev", f"user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                "-device", "virtio-net-pci,netdev=net0,romfile=", "-device", "i6300esb",
                "-action", "watchdog=reset", "-kernel", str(self.kernel), "-append",
                f"root=/dev/vda rw console=ttyS0,115200 panic=5 oops=panic {self.cmdline}"]
        with open(self.folder / "qemu.log", "wb") as log:
            self.qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not console.ready.wait(BOOT_LIMIT_SECONDS):
            self.qemu.kill()
            raise BenchError(f"the bare machine was not up within {BOOT_LIMIT_SECONDS} s")

    def _ssh(self, command, **options):
        argv = ["ssh", "-F", "none", "-i", self.image / "id_ed25519", "-p", self.port, "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "ControlMaster=auto", "-o", f"ControlPath={self.folder / 'ssh'}",
                "-o", "ControlPersist=yes", "root@127.0.0.1", command]
        words = self.folder / "ssh.err"  # no pipe: the connection's master would hold it open
        with open(words, "wb") as stderr:
            done = subprocess.run([str(a) for a in argv], stderr=stderr, timeout=RUN_LIMIT_SECONDS,
                                  **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options})
        if done.returncode != 0:
            raise BenchError(f"`{command}` on the bare machine ended with exit code {done.returncode}: "
                             + words.read_text(errors="replace")[-300:])

    def _test(self, tests, setup):
        with open(self.modules, "rb") as packed:
            self._ssh("zstd -q -dc | tar -x -f - --keep-directory-symlink -C / && sync", stdin=packed)
        for command in setup:
            self._ssh(command)
        listed = self.folder / "list"
        listed.write_text("\n".join(tests) + "\n")
        with open(listed, "rb") as stdin:
            self._ssh("mkdir -p /kiln/bare && cat >/kiln/bare/list", stdin=stdin)
        runner = ["igt_runner", "-l", "verbose", "--dmesg-warn-level=4", "--sync", "--overwrite",
                  "--per-test-timeout", str(PER_TEST_SECONDS), "--disk-usage-limit", str(64 << 20),
                  "--abort-on-monitored-error=taint", "--test-list", "/kiln/bare/list",
                  "/usr/libexec/igt-gpu-tools", "/kiln/bare/results"]
        self._ssh(shlex.join(runner) + " >/kiln/bare/out 2>&1; true")
        with open(self.folder / "results.tar", "wb") as stdout:
            self._ssh("tar -C /kiln/bare/results -cf - .", stdout=stdout)
        with open(self.folder / "dmesg", "wb") as stdout:
            self._ssh("dmesg -r", stdout=stdout)


def root_image(lab):
    """The newest root image that Kiln made."""
    images = sorted((lab.data / "agent" / "images").glob("*/image.json"), key=os.path.getmtime)
    if not images:
        raise BenchError(f"{lab.data}/agent/images holds no root image")
    return images[-1].parent


def sessions(lab, repeats, tests=None):
    """`session`, `warm` and `memory`: each repeat is one warm `kiln run` and its sessions by hand."""
    lab.ready()
    tests = tests or SHORT_LIST
    job = lab.job("bench-warm", tests=tests)
    session_ratios, warm_ratios, peaks, times = [], [], [], []
    for _ in range(repeats):
        run = lab.run(job)
        if any(build["state"] != "cached" for build in run.report["builds"]):
            raise BenchError("a build of the warm run was not found by its key")
        bare = sum(bare_seconds(lab, run, f"{session['variant']}/{session['config']}", tests)
                   for session in run.sessions)
        kiln = sum(session["elapsed_seconds"] for session in run.sessions)
        session_ratios.append(kiln / bare)
        warm_ratios.append(run.wall / kiln)
        peaks.append(run.peak_kib * 1024 / 1e6)
        times.append(f"{kiln:.1f} s/{bare:.1f} s")
    count = len(tests)
    return [
        Figure("session", "x", 1.15, f"Kiln's sessions of {count} tests, power-on to results stored, against a "
               "bare script with QEMU, ssh and the same igt_runner line, " + ", ".join(times), session_ratios),
        Figure("warm", "x", 1.15, "wall time of a whole `kiln run` with all kernels cached against the sum of "
               "its sessions", warm_ratios),
        Figure("memory", " MB", 150, "peak resident memory of the kiln process, controller and agent in one, "
               "during that run", peaks),
    ]


def bare_seconds(lab, run, cell, tests, setup=(SETUP,)):
    """One boot of a cell of `run` by hand."""
    build = run.build(cell)
    agent = lab.data / "agent"
    kvm = json.loads((agent / "accel.json").read_text())["kvm"]
    bare = BareSession(root_image(lab), agent / "cache" / build["image_digest"],
                       agent / "cache" / build["modules_digest"], "kvm" if kvm else "tcg,thread=multi", CMDLINE)
    return bare.seconds(tests, setup)
