"""A machine of a lab file through the whole lab: QEMU that is only hardware to the agent, with a disk, GRUB and a
known-good system of its own. Reached by two programs for its power, a telnet console, and SSH; nothing else."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import lab
from daemons import Lab, rows

GUEST = lab.DATA / "hardware"
TAG = f"rack{os.getpid()}"  # what a test that was killed left in the queue finds no machine


def build_guest():
    """The guest's disk, from the root image that an agent of an earlier test has made, or one makes now."""
    images = lab.DATA / "agent" / "images"

    def made():
        return sorted(images.glob("*/image.json"), key=lambda file: file.stat().st_mtime)

    if not made():
        with lab.Folder() as folder, Lab(folder.path) as site:
            site.kilnd.start()
            site.agent("maker", "machines: [qemu-1]\n", data=lab.DATA / "agent").start()
            site.wait("the root image is made", made, 1800)
    done = subprocess.run([lab.HOME / "tests" / "hardware" / "build", made()[-1].parent, GUEST], timeout=2400,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(f"tests/hardware/build: exit {done.returncode}\n{done.stdout[-3000:]}")


class Rack:
    """The machine and what switches it; the C++ one is in agent/integration/hardware_real_test.cpp."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        console, self.ssh = lab.free_ports(2)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", GUEST / "disk.qcow2",
                        self.folder / "disk.qcow2"], check=True, timeout=60)
        # Bounded, should nobody switch it off any more.
        qemu = ("timeout 1500 qemu-system-i386 -nodefaults -no-user-config -display none -machine pc"
                " -accel tcg,thread=multi -smp 2 -cpu Haswell-noTSX -m 1024"
                f" -serial telnet:127.0.0.1:{console},server=on,wait=off"
                f" -drive file={self.folder}/disk.qcow2,if=virtio,format=qcow2,cache=unsafe"
                f" -netdev user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{self.ssh}-:22"
                " -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci")
        running = "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null"
        self.script("on", f"{running} || {{ setsid {qemu} </dev/null >qemu.log 2>&1 & echo $! >pid; }}")
        self.script("off", f"if {running}; then kill -9 -$(cat pid) || exit 1; fi; rm -f pid")
        self.script("state", f"{running} && echo on || echo off")
        self.lab_file = self.folder / "lab.yaml"
        self.lab_file.write_text(f"""lab: 1
machines:
  - name: rack-1
    tags: [{TAG}]
    facts: {{gpu: "none: a mock"}}
    power:
      driver: command
      on: [{self.folder}/on]
      off: [{self.folder}/off]
      state: [{self.folder}/state]
      off_time: 1s
    console: {{driver: telnet, address: 127.0.0.1, port: {console}}}
    boot: {{driver: grub, cmdline: "root=/dev/vda1 rw console=ttyS0,115200 panic=5 mem=960M"}}
    shell: {{address: 127.0.0.1, port: {self.ssh}, key_file: {GUEST}/key, host_key_file: {GUEST}/host_key.pub}}
    emulated: true
""")

    def script(self, name, body):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\ncd {self.folder}\n{body}\nexit 0\n")
        path.chmod(0o755)

    def power(self, what):
        return subprocess.run([self.folder / what], check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout

    def ask(self, command):
        """What the system that runs there answers."""
        key = (GUEST / "host_key.pub").read_text().split()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.ssh} {key[0]} {key[1]}\n")
        return subprocess.run(["ssh", "-i", GUEST / "key", "-p", str(self.ssh), "-o", "BatchMode=yes", "-o",
                               f"UserKnownHostsFile={self.folder}/known", "-o", "ConnectTimeout=30", "root@127.0.0.1",
                               command], check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout


class HardwareMachine(unittest.TestCase):
    """A run that begins with a machine that is off, and whose agent is killed in the middle of a boot."""

    def setUp(self):
        build_guest()
        self.temporary = tempfile.TemporaryDirectory(prefix="kiln-rack-")
        self.addCleanup(self.temporary.cleanup)
        self.rack = Rack(self.temporary.name)
        self.addCleanup(self.rack.power, "off")

    def machine(self):
        machines = self.site.kiln("machines", "--format", "json").json()["machines"]
        return next((m for m in machines if m["name"] == "rack-1"), {"state": ""})

    def life(self):
        return json.loads((self.site.folder / "rack" / "machines" / "rack-1" / "life.json").read_text())

    def submit(self, folder, name):
        # A test of a millisecond: to the lab this is no emulated machine, whose kernel may say that its timers were
        # late without that being a warning.
        job = folder.small_job(name, tests=["igt@core_getversion@basic"], confirmations=0)
        job.write_text(job.read_text().replace("tags: [qemu]", f"tags: [{TAG}]"))
        done = self.site.kiln("submit", job, "--format", "json")
        self.assertEqual(done.code, 0, done)
        return int(done.json()["run_id"])

    def watch(self, run):
        done = self.site.kiln("watch", run, "--timeout", "10m", "--format", "json", timeout=660)
        self.assertEqual(done.code, 0, f"{done}\n{self.agent.tail()}")
        return done.json()

    def test_a_lab_file_s_machine_runs_a_job_and_survives_its_agent(self):
        with lab.Folder() as folder, Lab(folder.path) as self.site:
            self.site.kilnd.start()
            self.agent = self.site.agent("rack", f"machines_file: {self.rack.lab_file}\n").start()
            self.site.wait("the machine is offered", lambda: self.machine()["state"] == "ready", 60)
            self.assertEqual(self.rack.power("state"), "off\n")
            run = self.submit(folder, "rack-job")
            self.site.wait("one session is done, and the next one's kernel boots", lambda:
                           self.life()["state"] == "booting" and rows(
                               lab.DATA, "SELECT 1 FROM sessions WHERE run_id = ? AND state = 'done'", run), 360)
            self.agent.kill()
            self.assertEqual(self.life()["state"], "booting")  # written before it began
            self.agent.start()
            self.look_at_report(run, self.watch(run))
            self.look_at_sessions(run)
            self.look_at_home()

    def look_at_report(self, run, report):
        self.assertEqual(report["verdict"]["results_got"], 2, report["verdict"])
        # A series that passes: nothing of the killed agent is laid to it.
        self.assertEqual(report["verdict"]["result"], "no-regression", report["verdict"])
        self.assertEqual(report.get("findings", []), [])
        named = report["run"]["machine"]
        self.assertTrue(named.startswith("rack-1 ("), named)
        for fact in ("gpu none: a mock", "power command", "console telnet", "boot grub"):
            self.assertIn(fact, named)
        self.assertIn("rack-1 (", self.site.kiln("report", run).out)

    def look_at_sessions(self, run):
        sessions = rows(lab.DATA, "SELECT key, attempt, machine, ending, error_class, emulated FROM sessions"
                        " WHERE run_id = ? ORDER BY id", run)
        self.assertEqual(len(sessions), 3, sessions)
        first, killed, again = sessions
        emulated = 1  # so says the lab file
        self.assertEqual(first[1:], (1, "rack-1", "tested", "", emulated))
        self.assertEqual(killed[1:], (1, "rack-1", "infrastructure", "INFRA_AGENT", emulated))
        self.assertEqual(again, (killed[0], 2, "rack-1", "tested", "", emulated))
        self.assertEqual({first[0], again[0]}, {f"functional/{variant}/i386-highmem" for variant in
                                                ("baseline", "patched")})
        boots = rows(lab.DATA, "SELECT s.proved, s.release, s.kernel_build_id, s.boot_id, s.high_total_kib,"
                     " s.disk_free_kib, s.cmdline, c.clocksource FROM sessions s JOIN session_conditions c"
                     " ON c.session_id = s.id WHERE s.run_id = ? AND s.ending = 'tested'", run)
        self.assertEqual(len({boot[3] for boot in boots}), 2, boots)
        for proved, release, build_id, _, high, free, cmdline, clock in boots:
            self.assertTrue(proved and release and build_id and high > 0 and free > 0 and clock, boots)
            self.assertIn("mem=960M", cmdline)  # the lab file's own words
            self.assertIn("kiln.session=", cmdline)

    def look_at_home(self):
        """Free, in its known-good kernel, with nothing of Kiln's on it or in force."""
        self.site.wait("the machine is free", lambda: self.machine()["state"] == "ready"
                       and self.life()["state"] == "ready", 180)
        self.assertEqual(self.rack.ask("grep -c kiln.session= /proc/cmdline; ls /boot/kiln 2>/dev/null;"
                                       " grub-editenv /boot/grub/grubenv list | grep next_entry=.;"
                                       " ls /lib/modules | wc -l; true"), "0\n0\n")


if __name__ == "__main__":
    unittest.main()
