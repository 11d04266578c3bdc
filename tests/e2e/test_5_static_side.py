"""What the tools say of a series that nothing but a reader would notice: the kernel boots, every test passes."""
import unittest

from lab import HOME, Folder, end_all, kiln

SERIES = HOME / "tests" / "e2e" / "static-series"
FILE = "drivers/gpu/drm/vgem/vgem_fence.c"


class StaticSide(unittest.TestCase):
    """One run; patch 1 of 2 is fine, patch 2 has a mistake for each tool."""
    report = None

    @classmethod
    def setUpClass(cls):
        with Folder() as folder:
            cls.done = kiln("run", folder.small_job("static-side", series=SERIES), "--fresh", "--format", "json",
                            timeout=2400)
        if cls.done.out:
            cls.report = cls.done.json()

    @classmethod
    def tearDownClass(cls):
        end_all()

    def setUp(self):
        self.assertIsNotNone(self.report, str(self.done))

    def finding(self, words):
        found = [f for f in self.report.get("findings", []) if words in f["summary"]]
        self.assertEqual(len(found), 1, (words, self.report.get("findings")))
        return found[0]

    def test_nothing_of_it_is_a_regression(self):
        self.assertEqual(self.done.code, 0, self.report["verdict"])
        self.assertEqual(self.report["verdict"]["warnings"], 4, self.report["findings"])

    def test_each_mistake_is_found_and_the_right_patch_is_named(self):
        for words, place in (("new warning of W=1", f"{FILE}:67: variable 'unused' set but not used"),
                             ("new warning of sparse", f"{FILE}:70: incorrect type in argument 2 (different address spaces)"),
                             ("error of checkpatch", f"{FILE}:72: space required before the open parenthesis"),
                             ("large stack frame", "vgem_fence_timeline_value_str")):
            with self.subTest(words):
                finding = self.finding(words)
                self.assertEqual(finding["class"], "warning")
                self.assertTrue(finding["patch"].startswith("2/2 drm/vgem: Check the size"), finding["patch"])
                self.assertIn(place, finding["summary"])
                self.assertIn(place, finding["evidence"][0])

    def test_the_section_names_what_was_looked_at(self):
        side = self.report["static_side"]
        self.assertEqual(side.get("notes", []), [])
        self.assertEqual([p["tools"] for p in side["patches"]], [["W=1", "sparse", "checkpatch"]] * 2)
        self.assertEqual([p["objects"] for p in side["patches"]], [1, 1])
        self.assertEqual({c["patch"] for c in side["checks"]}, {2})
        frame, = [g for g in side["growths"] if g["symbol"] == "vgem_fence_timeline_value_str"]
        self.assertGreaterEqual(int(frame["stack_after"]), int(frame["stack_before"]) + 900)

    def test_the_text_report_says_it(self):
        text = " ".join(kiln("report", str(self.report["run"]["id"])).out.split())
        self.assertIn("STATIC SIDE each patch, compiled for i386-highmem", text)
        self.assertIn("1/2 drm/vgem: Say why fences expire: W=1, sparse, checkpatch; 1 object", text)
        self.assertIn("nothing new", text)
        self.assertIn(f"checkpatch error: {FILE}:72:", text)

    def test_a_second_run_asks_no_compiler_again(self):
        with Folder() as folder:
            job = folder.small_job("static-again", series=SERIES)
            again = kiln("run", job, "--fresh", "--format", "json", timeout=2400).json()
            self.assertEqual(again["static_side"], self.report["static_side"])
            off = folder.small_job("static-off", series=SERIES, extra="static_checks: false")
            without = kiln("run", off, "--fresh", "--format", "json", timeout=2400).json()
            self.assertNotIn("static_side", without)
            self.assertEqual(without["verdict"].get("warnings", 0), 0)


if __name__ == "__main__":
    unittest.main()
