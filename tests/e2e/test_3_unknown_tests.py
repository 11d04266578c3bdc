"""A job that names a test which the machine's image does not hold: refused before anything runs."""
import shutil
import unittest

from lab import DATA, HOME, JOB, Folder, end_all, kiln

WRONG = "igt@gem_pread@slef"
TESTS = ["igt@core_getversion@basic", WRONG]
RENDERED = """error: unknown test `igt@gem_pread@slef`
 --> {file}:2:1
2 | igt@gem_pread@slef
  | ^^^^^^^^^^^^^^^^^^ did you mean `igt@gem_pread@self`?
"""


def inventories():
    """The files with the names of all tests, one an image."""
    return sorted((DATA / "agent" / "images").glob("*/igt-tests"))


class UnknownTests(unittest.TestCase):
    """In the data folder of the other tests, where kernels and the image are there."""

    def tearDown(self):
        end_all()

    def test_a_fresh_machine_refuses_before_its_first_session_and_the_plan_from_then_on(self):
        for file in inventories():
            file.unlink()
        with Folder() as folder:
            job = folder.small_job(tests=TESTS)
            expected = RENDERED.format(file=folder.path / "small.testlist")
            # Nobody can know it yet.
            self.assertEqual(kiln("plan", job, timeout=900).code, 0)
            done = kiln("run", job, "--fresh", timeout=3600)
            self.assertEqual(done.code, 2, str(done))
            self.assertIn(expected, done.err)
            self.assertEqual(done.out, "", str(done))
            report = kiln("report", "@last", "--format", "json", timeout=60).json()
            self.assertEqual(report["verdict"]["result"], "refused")
            self.assertEqual(report.get("sessions", []), [])
            # Now it is known without a machine: plan and run say so before anything starts.
            runs = len(kiln("runs", "--format", "json", timeout=60).json()["runs"])
            for command in ("plan", "run"):
                done = kiln(command, job, timeout=120)
                self.assertEqual(done.code, 2, str(done))
                self.assertIn(expected, done.err)
                self.assertEqual(done.out, "", str(done))
            self.assertEqual(len(kiln("runs", "--format", "json", timeout=60).json()["runs"]), runs)

    def test_the_founding_jobs_lists_are_all_known(self):
        done = kiln("plan", JOB, timeout=900)
        self.assertEqual(done.code, 0, str(done))

    def test_the_intel_jobs_are_planned_for_a_lab_and_their_lists_are_all_known(self):
        for gen in ("gen4", "gen9", "gen12"):
            done = kiln("plan", HOME / "jobs" / f"intel-{gen}.yaml", timeout=900)
            self.assertEqual(done.code, 0, str(done))
            self.assertIn(f"with the tags intel, {gen}", " ".join(done.out.split()))
        known = {name for file in inventories() for name in file.read_text().splitlines()}
        self.assertTrue(known, "no image's tests are known: the tests before this one make it")
        for path in (HOME / "jobs" / "intel").glob("*.testlist"):
            for name in path.read_text().splitlines():
                if name and not name.startswith("#"):
                    self.assertIn(name, known, path.name)

    def test_names_of_an_image_of_another_recipe_refuse_nothing(self):
        with Folder() as folder:
            home = folder.path / "home"
            # The same Kiln with a recipe that has changed since the image was made.
            home.mkdir()
            for part in ("images", "kernel-configs"):
                shutil.copytree(HOME / part, home / part)
            with open(home / "images" / "forky-i386" / "packages", "a") as packages:
                packages.write("# another state\n")
            job = folder.small_job(tests=TESTS)
            done = kiln("--home", home, "plan", job, timeout=900)
            self.assertEqual(done.code, 0, str(done))


if __name__ == "__main__":
    unittest.main()
