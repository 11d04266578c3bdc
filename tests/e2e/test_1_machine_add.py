"""kiln machine add: the interview at a terminal, with a real OpenSSH server in the machine's place."""
import os
import pathlib
import pty
import select
import subprocess
import time
import unittest

from lab import HOME, Folder, free_ports, kiln


class Terminal:
    """./kiln with a terminal of its own: what it asks is read there, what a person types is written there."""

    def __init__(self, *args):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(HOME / "kiln", ["kiln", *map(str, args)])
        self.said = ""

    def read(self, until, seconds=60):
        """All up to `until`, which a program that ends need not say."""
        deadline = time.monotonic() + seconds
        while until not in self.said:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"`{until}` was not said within {seconds} s:\n{self.said}")
            try:
                more = os.read(self.terminal, 4096)
            except OSError:  # nobody has the other end any more
                more = b""
            if not more:
                raise AssertionError(f"`{until}` was not said before the end:\n{self.said}")
            self.said += more.decode(errors="replace").replace("\r\n", "\n")
        before, _, self.said = self.said.partition(until)
        return before

    def answer(self, question, text):
        before = self.read(question)
        os.write(self.terminal, (text + "\n").encode())
        return before

    def end(self):
        """Exit code, and what it still said."""
        deadline = time.monotonic() + 60
        while select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                more = os.read(self.terminal, 4096)
            except OSError:
                more = b""
            if not more:
                break
            self.said += more.decode(errors="replace").replace("\r\n", "\n")
        os.close(self.terminal)  # whoever still waits for an answer hears that none comes
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.said


class MachineAdd(unittest.TestCase):
    def setUp(self):
        folder = Folder()
        self.folder = pathlib.Path(folder.__enter__().path)
        self.addCleanup(folder.__exit__, None, None, None)
        self.port = free_ports(1)[0]
        for name in ("key", "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True,
                           stdin=subprocess.DEVNULL)
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\n"
            f"AuthorizedKeysFile {self.folder}/key.pub\nStrictModes no\nPidFile none\nUsePAM no\n"
            "PasswordAuthentication no\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"],
                                stderr=(self.folder / "sshd.log").open("w"))
        self.addCleanup(sshd.wait, 20)
        self.addCleanup(sshd.terminate)
        shown = subprocess.run(["ssh-keygen", "-lf", self.folder / "host_key.pub"], check=True, capture_output=True, text=True)
        self.fingerprint = shown.stdout.split()[1]
        self.lab = self.folder / "lab.yaml"

    def interview(self, *args):
        return Terminal("machine", "add", "--file", self.lab, "--port", self.port, *args)

    def test_the_interview_asks_what_it_cannot_find_out(self):
        terminal = self.interview()
        terminal.answer("name in the lab", "tgl-1")
        terminal.answer("address or name in the network", "127.0.0.1")
        terminal.answer("private key file", str(self.folder / "key"))
        self.assertIn(self.fingerprint, terminal.read("yes or no"))
        terminal.answer("[no]: ", "yes")
        terminal.answer("what switches it", "{driver: comand, on: [/bin/true]}")
        self.assertIn("did you mean `command`?", terminal.answer("what switches it", "{driver: command, on: [/bin/true], off: [/bin/false]}"))
        terminal.answer("its serial line", "")
        terminal.answer("tags for jobs", "intel, gen12")
        self.assertFalse(self.lab.exists(), "nothing is written before the last answer")
        terminal.answer("write it to", "yes")
        code, said = terminal.end()
        self.assertEqual(code, 0, said)
        self.assertIn(f"next: kiln machine check tgl-1 --file {self.lab}", said)
        written = self.lab.read_text()
        for piece in ("- name: tgl-1", "[intel, gen12]", "on: [/bin/true]", self.fingerprint, "address: \"127.0.0.1\""):
            self.assertIn(piece, written)
        self.assertEqual((self.folder / "tgl-1.host.pub").read_text().split()[:2],
                         (self.folder / "host_key.pub").read_text().split()[:2])
        # What was written is read by the check, which reaches the same machine.
        check = kiln("machine", "check", "tgl-1", "--file", self.lab, "--format", "json", timeout=120)
        lines = {line["driver"]: line for line in check.json()["checks"]}
        self.assertEqual(lines["shell"]["state"], "ok", str(check))
        again = kiln("machine", "add", "tgl-1", "--file", self.lab, "--port", str(self.port), "--address", "127.0.0.1",
                     "--key", self.folder / "key", "--yes", timeout=120)
        self.assertEqual(again.code, 2, str(again))
        self.assertIn("tgl-1", again.err)
        self.assertEqual(self.lab.read_text(), written)

    def test_a_host_key_that_is_not_right_adds_nothing(self):
        terminal = self.interview("tgl-2", "--address", "127.0.0.1", "--key", self.folder / "key")
        terminal.answer("yes or no", "")  # the proposal is no
        code, said = terminal.end()
        self.assertNotEqual(code, 0)
        self.assertIn("nothing was added", said)
        self.assertFalse(self.lab.exists())
        self.assertFalse((self.folder / "tgl-2.host.pub").exists())

    def test_a_terminal_that_goes_away_adds_nothing(self):
        terminal = self.interview("tgl-3", "--address", "127.0.0.1", "--key", self.folder / "key")
        terminal.answer("yes or no", "yes")
        terminal.read("what switches it")
        os.write(terminal.terminal, b"\x04")  # the end of a person's input
        code, said = terminal.end()
        self.assertNotEqual(code, 0, said)
        self.assertFalse(self.lab.exists())

    def test_without_a_terminal_it_says_what_to_give(self):
        done = kiln("machine", "add", "x", "--file", self.lab, timeout=60)
        self.assertEqual(done.code, 2, str(done))
        self.assertIn("--yes", done.err)
