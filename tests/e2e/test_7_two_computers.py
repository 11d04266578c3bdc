"""A lab on two computers (network namespaces with a wire between them), step by step as docs/guides/lab.md has it."""
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import lab
from daemons import program

NAME = "lab.example.org"


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True, timeout=30)


class Computer:
    """One namespace with a home of its own; others know it by its address, and the controller by its name."""

    def __init__(self, name, folder):
        self.space, self.home, self.processes = f"kiln{os.getpid()}{name}", folder / name, []
        self.home.mkdir()
        ip("netns", "add", self.space)
        ip("-n", self.space, "link", "set", "lo", "up")

    def wire(self, address):
        ip("-n", self.space, "addr", "add", f"{address}/24", "dev", "wire")
        ip("-n", self.space, "link", "set", "wire", "up")

    def argv(self, command, *args):
        # The names of /etc/hosts, for these processes alone.
        inside = f"mount --bind {self.home.parent / 'hosts'} /etc/hosts && exec \"$@\""
        return ["ip", "netns", "exec", self.space, "unshare", "-m", "sh", "-c", inside, "sh", str(command),
                *[str(a) for a in args]]

    def environment(self):
        return {**os.environ, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "KILN_LAB": "",
                "KILN_HOME": str(lab.HOME)}

    def run(self, command, *args, stdin="", timeout=60):
        return subprocess.run(self.argv(command, *args), env=self.environment(), input=stdin, capture_output=True,
                              text=True, timeout=timeout)

    def start(self, command, *args):
        with open(self.home / "log", "ab") as out:
            process = subprocess.Popen(self.argv(command, *args), env=self.environment(), stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL)
        self.processes.append(process)

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        ip("netns", "del", self.space, check=False)


class TwoComputers(unittest.TestCase):
    def setUp(self):
        self.folder = lab.Folder()
        self.addCleanup(self.folder.__exit__, None, None, None)
        path = pathlib.Path(self.folder.__enter__().path)
        path.chmod(0o755)
        (path / "hosts").write_text(f"127.0.0.1 localhost\n10.99.0.1 {NAME}\n")
        try:
            self.controller = Computer("c", path)
        except subprocess.CalledProcessError as e:
            self.skipTest(f"network namespaces are not permitted here: {e.stderr.strip()}")
        self.addCleanup(self.controller.end)
        self.rack = Computer("r", path)
        self.addCleanup(self.rack.end)
        ip("link", "add", "wire", "netns", self.controller.space, "type", "veth", "peer", "name", "wire", "netns",
           self.rack.space)
        self.controller.wire("10.99.0.1")
        self.rack.wire("10.99.0.2")
        daemons = program("kilnd").parent
        self.kilnd, self.agent, self.kiln = daemons / "kilnd", daemons / "kiln-agent", daemons.parent / "cli" / "kiln"
        self.path = path

    def good(self, done):
        self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def wait(self, what, holds, seconds):
        deadline = time.monotonic() + seconds
        while not holds():
            logs = "\n".join((c.home / "log").read_text() for c in (self.controller, self.rack)
                             if (c.home / "log").exists())
            self.assertLess(time.monotonic(), deadline, f"{what}: not within {seconds} s\n{logs}")
            time.sleep(0.5)

    def test_the_guide_and_a_cut_wire(self):
        there, rack, home = self.path / "lab", self.path / "rack-1", self.controller
        said = self.good(home.run(self.kiln, "lab", "init", there, "--name", "oulu", "--network", "--host", NAME))
        fingerprint = re.search(r"its fingerprint +(\w{64})", said).group(1)
        home.start(self.kilnd, "--config", there / "kilnd.yaml")
        self.wait("kilnd serves", lambda: "kilnd serves" in (home.home / "log").read_text(), 60)
        said = self.good(home.run(self.kiln, "--lab", there, "agent", "invite", "rack-1"))
        code = re.search(r"--code (\S+)", said).group(1)
        self.assertIn(fingerprint, said)
        enrol = ["enrol", "--lab", f"{NAME}:7420", "--name", "rack-1", "--code", code, "--folder", rack]
        wrong = self.rack.run(self.agent, *enrol, "--fingerprint", "0" * 64)
        self.assertNotEqual(wrong.returncode, 0, "another lab is not asked")
        self.good(self.rack.run(self.agent, *enrol, "--fingerprint", fingerprint))
        config = (rack / "agent.yaml").read_text()
        self.assertIn(f"images_dir: {lab.HOME}/images", config, "nothing is left to be filled in")
        (rack / "agent.yaml").write_text(config.replace("machines: [rack-1-qemu-1]", "simulated: 2"))
        self.rack.start(self.agent, "--config", rack / "agent.yaml")
        token = re.search(r"kiln_\w+", self.good(
            home.run(self.kiln, "--lab", there, "token", "add", "anna", "--role", "submitter"))).group(0)
        self.good(self.rack.run(self.kiln, "lab", "join", "oulu", f"{NAME}:7420", "--fingerprint", fingerprint,
                                stdin=token + "\n"))
        seen = lambda: self.good(self.rack.run(self.kiln, "--lab", "oulu", "machines"))
        self.wait("the machines are ready", lambda: seen().count("ready") == 2, 60)
        self.assertIn("2 of 2 take work", self.good(self.rack.run(self.kiln, "--lab", "oulu", "doctor")))

        ip("-n", self.rack.space, "link", "set", "wire", "down")
        gone = self.rack.run(self.kiln, "--lab", "oulu", "machines")
        self.assertEqual(gone.returncode, 3, gone)
        self.assertIn(f"no controller answers at {NAME}:7420", gone.stderr)
        here = lambda: self.good(home.run(self.kiln, "--lab", there, "machines"))
        self.wait("the controller notices", lambda: here().count("its agent is not connected") == 2, 120)
        ip("-n", self.rack.space, "link", "set", "wire", "up")
        self.wait("they are back by themselves", lambda: here().count("ready") == 2, 120)


if __name__ == "__main__":
    unittest.main()
