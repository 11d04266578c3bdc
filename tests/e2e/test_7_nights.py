"""A night in which a test broke, and the run after it that names the commit: kilnd, an agent with a played machine, a git
repository of a tree that builds as a kernel does, real builds."""
import json
import subprocess
import unittest

import lab
from daemons import Lab, rows

# What Kiln asks of a kernel's build, in one object.
TREE = {
    "Makefile": """VERSION = 9
PATCHLEVEL = 8
SUBLEVEL = 7
MAKEFLAGS += --no-print-directory -r
.SUFFIXES:
all: $(O)/vmlinux $(O)/arch/x86/boot/bzImage
$(O)/main.o: $(CURDIR)/main.c $(O)/.config
\t@echo "  CC      main.o"
\t@$(CC) -O1 -fno-pie -fno-stack-protector -c $< -o $@
$(O)/vmlinux: $(O)/main.o $(CURDIR)/release
\t@echo "  LD      vmlinux"
\t@gcc -nostdlib -static -no-pie -Wl,--build-id -Wl,-e,start $< -o $@
\t@mkdir -p $(O)/include/config
\t@cp $(CURDIR)/release $(O)/include/config/kernel.release
\t@: > $(O)/Module.symvers
$(O)/arch/x86/boot/bzImage: $(O)/vmlinux
\t@mkdir -p $(dir $@)
\t@cp $< $@
modules_install:
\t@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/$$(cat $(CURDIR)/release)
tinyconfig:
\t@echo "# CONFIG_PCI is not set" > $(O)/.config
olddefconfig:
\t@true
""",
    "Kconfig": "config PCI\n\tbool \"pci\"\n",
    "main.c": "void start(void);\nint step;\nvoid start(void) { step = 0; }\n",
    "release": "9.8.7-kiln\n",
}


class Night(unittest.TestCase):
    def setUp(self):
        self.folder = lab.Folder()
        self.path = self.folder.__enter__().path
        self.addCleanup(self.folder.__exit__, None, None, None)
        self.repo = self.path / "linux"
        for name, text in TREE.items():
            self.folder.write(f"linux/{name}", text)
        self.git("init", "-q", "-b", "main")
        self.commit("base")
        self.folder.write("configs/small.yaml", "arch: i386\nbase: tinyconfig\nfragments: [pci]\n")
        self.folder.write("configs/fragments/pci.config", "CONFIG_PCI=y\n")
        self.folder.write("night.testlist", "igt@played@one\nigt@played@unless-broken\n")
        self.job = self.folder.write("night.yaml", f"""kiln: 1
name: night
source: {{git: {self.repo}, ref: main}}
configs: [small]
config_dir: configs
machine: {{tags: [simulated]}}
tests:
  - {{name: gem, list: night.testlist}}
""")

    def git(self, *args):
        return subprocess.run(["git", "-C", str(self.repo), "-c", "user.name=A", "-c", "user.email=a@x", *args], check=True,
                              capture_output=True, text=True, timeout=60).stdout.strip()

    def commit(self, subject):
        self.git("add", "-A", "-f", ".")
        self.git("commit", "-q", "-m", subject)

    def step(self, number, subject):
        self.folder.write("linux/main.c", TREE["main.c"].replace("= 0", f"= {number}"))
        self.commit(subject)

    def night(self, site, run):
        done = site.kiln("schedule", "run-now", "tip")
        self.assertEqual(done.code, 0, done)
        site.wait(f"run {run} has ended", lambda: rows(
            site.data, "SELECT 1 FROM firings WHERE run_id = ? AND state = 'ended'", run), 180)
        return site.kiln("report", run, "--format", "json").json()

    def test_the_commit_is_named(self):
        with Lab(self.path, data=self.path / "data") as site:
            site.kilnd.start()
            site.agent("rack", "simulated: 1\nsimulated_troubles: 0\nsimulated_ms: 20\n").start()
            site.wait("the machine is ready", lambda: "ready" in site.kiln("machines").out, 60)
            done = site.kiln("schedule", "add", "tip", "--cron", "0 0 1 1 *", "--job", self.job)
            self.assertEqual(done.code, 0, done)
            self.assertEqual(self.night(site, 1)["verdict"]["exit_code"], 0)
            for number in range(1, 8):
                if number == 5:
                    self.folder.write("linux/release", "9.8.7-broken\n")
                self.step(number, f"kernel: step {number}")
            worse = self.night(site, 2)["last_good_night"]
            self.assertEqual([t["test"] for t in worse["worse"]], ["igt@played@unless-broken"], json.dumps(worse))
            site.wait("the search has ended", lambda: rows(
                site.data, "SELECT 1 FROM runs WHERE id = 3 AND state = 'done'"), 300)
            self.assertIn("run 3 looks for the commit", site.kiln("schedule", "history", "tip").out)
            report = site.kiln("report", 3, "--format", "json").json()
            self.assertEqual(rows(site.data, "SELECT DISTINCT test FROM results JOIN sessions ON sessions.id = session_id"
                                  " WHERE sessions.run_id = 3"), [("igt@played@unless-broken",)])
            finding = report["findings"][0]
            self.assertEqual((finding["class"], finding["test"]), ("regression", "igt@played@unless-broken"))
            self.assertEqual(finding["patch"], "5/7 kernel: step 5")
            built = {build["cell"] for build in report["builds"]}
            self.assertLessEqual({"prefix-4/small", "prefix-5/small"}, built)
            self.assertLess(len(built), 7, "not each commit was built")
            # The next night is as bad, and is no reason to look again.
            self.step(8, "kernel: step 8")
            self.night(site, 4)
            firings = site.kiln("schedule", "history", "tip", "--format", "json").json()["firings"]
            self.assertEqual(firings[0]["reason"], "the commits were searched after the night before")
            self.assertEqual(rows(site.data, "SELECT max(id) FROM runs"), [(4,)])


if __name__ == "__main__":
    unittest.main()
