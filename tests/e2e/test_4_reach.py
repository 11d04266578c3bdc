"""Which lines of a series ran: real gcov of a real kernel, one line of each kind (docs/reach.md)."""
import re
import shutil
import unittest

from lab import HOME, Folder, end_all, kiln

FENCE = "drivers/gpu/drm/vgem/vgem_fence.c"
SERIES = HOME / "tests" / "e2e" / "reach-series"
TEST = "igt@vgem_basic@dmabuf-fence"


def add_config(folder):
    """A config without i915: its whole build takes a fifth of the time, and its baseline is gcov's base, too."""
    shutil.copytree(HOME / "kernel-configs" / "fragments", folder.path / "configs" / "fragments")
    folder.write("configs/fragments/graphics-vgem.config",
                 "CONFIG_DRM=y\nCONFIG_DRM_VGEM=m\nCONFIG_SYNC_FILE=y\nCONFIG_SW_SYNC=y\n# CONFIG_FB is not set\n")
    folder.write("configs/vgem-only.yaml", """description: vgem on the embedded machine, ready for gcov
arch: i386
base: tinyconfig
fragments: [x86-32-base, common-base, unwinder-frame-pointer, userland, userland-32bit-time, qemu-devices, crash-capture, graphics-vgem, highmem-on, coverage-gcov]
axis: [HIGHMEM64G]
""")


class Reach(unittest.TestCase):
    """One run of a series on vgem with `coverage: true`, shared by the tests of this class."""
    report = None

    @classmethod
    def setUpClass(cls):
        with Folder() as folder:
            add_config(folder)
            job = folder.small_job(name="reach", series=SERIES, configs="[vgem-only]",
                                   tests=["igt@vgem_basic@create", TEST], confirmations=0,
                                   extra="coverage: true\nnot_reached:\n"
                                   f"  - {{file: {FENCE}, what: 'vgem_fence_attach_ioctl(): no handle', needs: 'a test of it'}}")
            job.write_text(job.read_text().replace("modprobe i915 mock_node=1", "modprobe vgem")
                           .replace(str(HOME / "kernel-configs"), str(folder.path / "configs")))
            cls.done = kiln("run", job, "--fresh", "--format", "json", timeout=3600)
            if cls.done.out:
                cls.report = cls.done.json()

    @classmethod
    def tearDownClass(cls):
        end_all()

    def setUp(self):
        self.assertIsNotNone(self.report, str(self.done))
        self.assertEqual(self.report["reach_summary"]["state"], "measured", self.report["reach_summary"])
        self.lines = self.report["reach"][0]["lines"]

    def line(self, text, kind="+"):
        return next(line for line in self.lines if line["kind"] == kind and text in line["text"])

    def test_a_line_that_ran_names_its_test_and_config(self):
        ran = self.line("if (!arg->handle)")
        self.assertEqual(ran["mark"], "executed")
        self.assertEqual(ran["tests"], [TEST])
        self.assertEqual(ran["cells"], ["vgem-only"])
        self.assertEqual(ran["function"], "vgem_fence_attach_ioctl")

    def test_a_line_that_never_ran_is_not_tested_and_says_what_would_reach_it(self):
        missed = self.line("return -ENOENT")
        self.assertEqual(missed["mark"], "not-executed")
        place = next(p for p in self.report["not_tested"] if p["line"] == missed["line"])
        self.assertEqual(place["file"], FENCE)
        self.assertEqual(place["needs"], "a test of it")
        self.assertIn(f"{FENCE}:{missed['line']}", kiln("report", self.report["run"]["id"]).out)

    def test_a_macro_is_marked_by_its_use(self):
        macro = self.line("VGEM_FENCE_TIMEOUT")
        self.assertEqual(macro["mark"], "executed")
        self.assertRegex(macro["why"], r"^by its use in line \d+$")
        self.assertEqual(macro["tests"], [TEST])

    def test_what_only_went_is_marked_by_what_stands_there(self):
        gone = self.line("mutex_destroy", kind="-")
        self.assertEqual(gone["mark"], "executed")
        self.assertRegex(gone["why"], r"^removed; line \d+ stands for it$")

    def test_what_the_preprocessor_leaves_out_is_not_compiled(self):
        left = self.line("a client with fences")
        self.assertEqual((left["mark"], left["why"]), ("not-compiled", "left out by the preprocessor"))
        self.assertEqual(self.line("#ifdef")["mark"], "no-code")

    def test_the_kernel_that_counts_is_not_judged(self):
        self.assertEqual(self.done.code, 0, self.report["verdict"])
        purposes = [s["purpose"] for s in self.report["sessions"]]
        self.assertEqual(purposes.count("coverage"), 1)
        self.assertEqual(self.report["verdict"]["results_planned"], self.report["verdict"]["results_got"])

    def test_kiln_reach_shows_the_diff(self):
        run_id = self.report["run"]["id"]
        text = kiln("reach", run_id).out
        self.assertRegex(text, rf"✓ +\d+ \+ +if \(!arg->handle\)\n.*`- {re.escape(TEST)}")
        self.assertRegex(text, r"✗ +\d+ \+ +return -ENOENT")
        self.assertNotIn("\x1b", text)
        self.assertIn("\x1b[", kiln("reach", run_id, "--color", "always").out)
        alone = kiln("reach", run_id, "--format", "json").json()
        self.assertEqual(alone["reach"], self.report["reach"])
        self.assertFalse(alone.get("sessions"))
        html = kiln("reach", run_id, "--format", "html").out
        self.assertIn('<tr class="missed">', html)
        self.assertIn('<section id="reach">', kiln("report", run_id, "--format", "html").out)


if __name__ == "__main__":
    unittest.main()
