"""Seeded bugs (tests/seeded): each is a series that Kiln takes, and rows are told as they are."""
import unittest

import lab
from lab import Folder, kiln

lab.use("seeded")
import facts  # noqa: E402
import runner  # noqa: E402
import seeded  # noqa: E402
import table  # noqa: E402


def report(result="regression", findings=(), **more):
    return {"run": {"elapsed_seconds": 90}, "verdict": {"result": result, "headline": "so"}, "findings": list(findings), **more}


def regression(patch, **more):
    return {"class": "regression", "test": "igt@a@b", "patch": patch, **more}


class Series(unittest.TestCase):
    def test_each_applies_and_has_a_plan(self):
        series = {name: bug.write_series for name, bug in seeded.bugs().items()}
        with Folder() as folder:
            for name, write in [*series.items(), ("comments", None)]:
                path = write(folder.path / name) if write else seeded.COMMENTS
                job = folder.write(f"{name}.yaml", runner.job_text(name, path, folder.path / "lists"))
                done = kiln("plan", job, timeout=900)
                self.assertEqual(done.code, 0, f"{name}: {done}")

    def test_only_the_patch_with_the_bug_differs(self):
        with Folder() as folder:
            folder = seeded.bugs()["p2-offset-lost"].write_series(folder.path / "series")
            for mail in sorted((seeded.PARTS / "series").glob("000[0-3]*.patch")):
                same = (folder / mail.name).read_text() == mail.read_text()
                self.assertEqual(same, not mail.name.startswith("0002"), mail.name)


class Facts(unittest.TestCase):
    def test_caught_only_by_a_regression_and_right_only_by_its_patch(self):
        bug = seeded.bugs()["p2-offset-lost"]
        self.assertTrue(facts.is_right(bug, report(findings=[regression("2/3 gt")])))
        wrong = report(findings=[regression("2/3 gt"), regression("1/3 drm")])
        self.assertTrue(facts.is_caught(wrong))
        self.assertFalse(facts.is_right(bug, wrong))
        self.assertFalse(facts.is_right(bug, report(findings=[regression("")])))
        self.assertFalse(facts.is_caught(report("inconclusive", [{"class": "warning"}])))

    def test_comments_may_bring_nothing(self):
        alike = {"class": "not-the-series", "test": "igt@kms@bad"}
        slower = {"metric": "m", "config": "c", "left": "baseline", "answer": "changed", "decides": True}
        self.assertEqual(facts.false_findings(report("no-regression", [alike])), [])
        self.assertEqual(len(facts.false_findings(report("no-regression", [{"class": "flaky", "test": "t"}]))), 1)
        self.assertEqual(len(facts.false_findings(report("no-regression", comparisons=[slower]))), 1)
        self.assertEqual(facts.false_findings(report("no-regression", comparisons=[dict(slower, decides=False)])), [])
        self.assertEqual(facts.false_findings(report("infrastructure")), ["so"])

    def test_the_page_names_what_was_not_caught_and_what_was_not_run(self):
        rows = {"p2-offset-lost": {"lists": "whole", "report": report(findings=[regression("1/3 drm")])},
                "p2-dirty-lost": {"lists": "whole", "report": report("no-regression")}}
        page = table.page(list(seeded.bugs().values()), rows.get, 20)
        self.assertIn(f"2 of {len(seeded.bugs())} were run: 1 caught, 0 of them laid to the right patch, 1 not caught.", page)
        self.assertIn("**1**", page)
        self.assertIn("- **p2-dirty-lost**: " + seeded.bugs()["p2-dirty-lost"].unseen, page)
        self.assertIn("not run yet", page)


if __name__ == "__main__":
    unittest.main()
