"""A machine for who holds it: a kernel booted for a person, its console and its SSH."""
import os
import select
import subprocess
import time
import unittest

import lab
from daemons import Lab, rows


class Hold(unittest.TestCase):
    """With the real machine, and the kernel of its last boot that went well."""

    def test_boot_console_ssh_and_a_panic(self):
        with lab.Folder() as folder, Lab(folder.path) as site:
            site.kilnd.start()
            agent = site.agent("rack-1", "machines: [qemu-1]\n", data=lab.DATA / "agent").start()
            try:
                self.steps(site, agent)
            finally:
                site.kiln("release", "qemu-1")  # a hold outlives its kilnd, and would keep other tests out

    def steps(self, site, agent):
        self.ready(site)
        nobody = site.kiln("boot", "qemu-1")
        self.assertEqual(nobody.code, 2, nobody)
        self.assertIn("nobody holds qemu-1", nobody.err)
        self.assertEqual(site.kiln("hold", "qemu-1", "--reason", "a look", "--for", "30m").code, 0)
        off = site.kiln("ssh", "qemu-1", "true")
        self.assertNotEqual(off.code, 0, off)
        self.assertIn("qemu-1 is off", off.err)

        console = Console(site)
        self.addCleanup(console.close)
        up = site.kiln("boot", "qemu-1", "--format", "json")
        self.assertEqual(up.code, 0, up)
        self.assertEqual(up.json()["visit"]["state"], "up")
        console.expect("Linux version 6.1")
        run = up.json()["visit"]["kernel"].split(",")[0].removeprefix("run ")
        wrong = site.kiln("boot", "qemu-1", "--run", run, "--cell", "patched/nothing")
        self.assertIn(f"run {run} has no kernel of patched/nothing", wrong.err)
        self.assertIn("it has: ", wrong.err)
        release = site.kiln("ssh", "qemu-1", "uname", "-r")
        self.assertEqual(release.code, 0, release)
        self.assertIn(release.out.strip(), up.json()["visit"]["kernel"])
        self.assertEqual(site.kiln("ssh", "qemu-1", "sh", "-c", "'exit 7'").code, 7)
        self.assertEqual(self.copied(site, 3_000_000), 3_000_000)

        # The controller is no part of the machine: killed and started again, it knows who has it.
        site.kilnd.kill()
        site.kilnd.start()
        site.wait("the visit is known again", lambda: self.visit(site).get("state") == "up", 60)
        console.close()
        console = Console(site)
        self.addCleanup(console.close)
        site.kiln("ssh", "qemu-1", "echo", "c", ">/proc/sysrq-trigger", timeout=120)
        site.wait("the crash is told", lambda: self.visit(site).get("state") == "down", 60)
        self.assertIn("panic", self.visit(site)["why"])
        console.expect("Kernel panic - not syncing: sysrq triggered crash")

        again = site.kiln("boot", "qemu-1", "--format", "json")
        self.assertEqual(again.json()["visit"]["state"], "up", again)
        console.type("\n")
        self.assertEqual(site.kiln("release", "qemu-1").code, 0)
        self.ready(site)
        site.wait("it is switched off", lambda: not self.qemus(), 30)
        self.assertTrue(agent.alive())
        counted = rows(lab.DATA, "SELECT count(*) FROM sessions WHERE id < 0")[0][0]
        self.assertEqual(counted, 0, "a person's boot is no session of a run")

    def ready(self, site):
        site.wait("the machine is ready", lambda: any(
            m["name"] == "qemu-1" and m["state"] == "ready"
            for m in site.kiln("machines", "--format", "json").json()["machines"]), 120)

    def visit(self, site):
        machines = site.kiln("machines", "--format", "json").json().get("machines", [])
        return next((m.get("visit", {}) for m in machines if m["name"] == "qemu-1"), {})

    @staticmethod
    def copied(site, size):
        """Bytes that arrive on the machine from a pipe."""
        command = [str(lab.HOME / "kiln"), "--data-dir", str(site.data), "ssh", "qemu-1", "wc", "-c"]
        done = subprocess.run(command, input=os.urandom(size), stdout=subprocess.PIPE, timeout=120,
                              env={**os.environ, "KILN_LAB": str(site.data)}, check=True)
        return int(done.stdout)

    @staticmethod
    def qemus():
        mark = str(lab.DATA / "agent" / "machines" / "qemu-1").encode()
        found = []
        for process in os.listdir("/proc"):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if words.startswith(b"qemu-system") and mark in words:
                found.append(process)
        return found


class Console:
    """`kiln console` beside it all."""

    def __init__(self, site):
        self.text = b""
        self.process = subprocess.Popen([str(lab.HOME / "kiln"), "--data-dir", str(site.data), "console", "qemu-1"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, "KILN_LAB": str(site.data)})

    def expect(self, words, seconds=120):
        deadline = time.monotonic() + seconds
        while words.encode() not in self.text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                break
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                break
            self.text += more
        if words.encode() not in self.text:
            raise AssertionError(f"the console did not say {words!r} but {self.text[-2000:]!r}")

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if not stream.closed:
                stream.close()


if __name__ == "__main__":
    unittest.main()
