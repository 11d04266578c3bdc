"""A lab of the tests' own: kilnd and agents as processes, a proxy that breaks their connections."""
import os
import pathlib
import random
import select
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import lab

HOME = lab.HOME


def program(name):
    """The daemon as ./kiln has built it."""
    subprocess.run([str(HOME / name), "--version"], check=True, stdout=subprocess.DEVNULL, timeout=3600)
    return pathlib.Path(os.environ.get("KILN_BUILD_DIR") or HOME / "build" / "release") / "bin" / name


def rows(data, sql, *args):
    db = sqlite3.connect(f"file:{data / 'kiln.db'}?mode=ro", uri=True, timeout=30)
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


class Daemon:
    """One program with its configuration; started, killed and started again."""

    def __init__(self, name, config, log):
        self.path, self.config, self.log, self.process = program(name), config, log, None

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([str(self.path), "--config", str(self.config)], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL)
        return self

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.wait(timeout=60)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


class Lab:
    """kilnd over the data folder, agents in folders of their own; ended with everything they started."""

    def __init__(self, folder, data=lab.DATA, settings="quarantine_after: 0\n"):
        self.folder, self.data, self.agents, self.proxies = pathlib.Path(folder), pathlib.Path(data), [], []
        config = self.folder / "kilnd.yaml"
        config.write_text(f"kilnd: 1\ndata_dir: {data}\n{settings}"
                          f"ccache_dir: {pathlib.Path.home() / '.cache' / 'kiln' / 'ccache'}\n")
        self.kilnd = Daemon("kilnd", config, self.folder / "kilnd.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in [*self.agents, self.kilnd]:
            if daemon.alive():
                daemon.kill(signal.SIGTERM)
        for proxy in self.proxies:
            proxy.stop()

    @property
    def socket(self):
        return self.data / "run" / "controller.sock"

    def agent(self, name, extra, data=None, through=None):
        config = self.folder / f"{name}.yaml"
        config.write_text(f"agent: 1\nname: {name}\ncontroller: \"unix:{through or self.socket}\"\n"
                          f"data_dir: {data or self.folder / name}\nimages_dir: {HOME / 'images'}\n{extra}")
        daemon = Daemon("kiln-agent", config, self.folder / f"{name}.log")
        self.agents.append(daemon)
        return daemon

    def proxy(self, name, seed):
        proxy = Proxy(self.folder / f"{name}.sock", self.socket, seed)
        self.proxies.append(proxy)
        return proxy

    def kiln(self, *args, timeout=300):
        return lab.kiln(*args, data=self.data, timeout=timeout, env={"KILN_LAB": str(self.data)})

    def wait(self, what, holds, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holds():
                return
            time.sleep(0.1)
        logs = "\n".join(d.tail() for d in [self.kilnd, *self.agents])
        raise AssertionError(f"{what}: not within {seconds} s\n{logs}")


class Proxy:
    """Between an agent and its controller: passes bytes on, and when told to breaks the connections: cut at once,
    slowed, or half open (bytes go nowhere and nobody is told)."""

    def __init__(self, listen, target, seed):
        self.listen, self.target, self.random = listen, target, random.Random(seed)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(listen))
        self.server.listen(16)
        self.ended, self.mode, self.pairs, self.lock = False, "pass", [], threading.Lock()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.ended:
            try:
                if not select.select([self.server], [], [], 0.2)[0]:
                    continue
            except (OSError, ValueError):
                return  # stopped
            try:
                near, _ = self.server.accept()
            except OSError:
                return  # stopped
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(str(self.target))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, sink):
        try:
            while not self.ended:
                data = source.recv(65536)
                if not data:
                    break
                if self.mode == "slow":
                    time.sleep(0.05)
                if self.mode != "half-open":
                    sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def trouble(self):
        """One of the troubles, for a moment; then new connections work again."""
        kind = self.random.choice(["cut", "slow", "half-open"])
        if kind != "cut":
            self.mode = kind
            time.sleep(self.random.uniform(0.1, 0.5))
        self.mode = "pass"
        if kind != "slow":
            self.cut()
        return kind

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for each in pair:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                    each.close()
                except OSError:
                    pass

    def stop(self):
        self.ended = True
        self.cut()
        self.thread.join(timeout=5)
        self.server.close()
