"""kiln schedule on a data folder of its own: kept, listed, refused; a lab in one process starts nothing by itself."""
import re
import sqlite3
import unittest

from lab import HOME, JOB, Folder, kiln


class Schedule(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.data = self.folder.__enter__().path
        self.addCleanup(self.folder.__exit__, None, None, None)
        newest = max((HOME / "lib/db/fixtures").glob("v*.sql"), key=lambda path: int(path.stem[1:]))
        with sqlite3.connect(self.data / "kiln.db") as db:
            db.executescript(newest.read_text())
            db.execute("DELETE FROM schedules")

    def schedule(self, *args, code=0):
        done = kiln("schedule", *args, data=self.data, timeout=120)
        self.assertEqual(done.code, code, str(done))
        return done

    def add(self, *args, name="drm-tip", cron="30 2 * * *", zone="Europe/Helsinki", code=0):
        return self.schedule("add", name, "--cron", cron, "--zone", zone, "--job", JOB, *args, code=code)

    def test_it_is_kept_and_its_next_times_are_shown(self):
        self.add("--jitter", "10m")
        text = self.schedule("list").out
        self.assertIn("drm-tip  30 2 * * * (Europe/Helsinki)", text)
        self.assertIn(str(JOB), text)
        times = re.findall(r"\d{4}-\d\d-\d\dT02:3\d:\d\d\+0[23]:00", text)
        self.assertEqual(len(times), 5, text)
        message = self.schedule("list", "--times", "2", "--format", "json").json()["schedules"][0]
        self.assertEqual(message["next"], times[:2])
        self.assertEqual((message["missed"], message["overlap"], message["unchanged"]), ("run-once", "skip", "skip"))
        self.assertIn("nothing was due yet", self.schedule("history", "drm-tip").out)

    def test_pause_resume_and_remove(self):
        self.add()
        self.assertIn("paused since", self.schedule("pause", "drm-tip").out)
        self.assertNotIn("next", self.schedule("list").out)
        self.assertIn("next", self.schedule("resume", "drm-tip").out)
        self.schedule("remove", "drm-tip")
        self.assertIn("no schedules", self.schedule("list").out)
        self.assertIn("removed", self.schedule("list", "--removed").out)
        self.assertIn("there is no schedule `drm-tip`", self.schedule("pause", "drm-tip", code=2).err)

    def test_what_cannot_work_is_refused_with_its_place(self):
        done = self.add(cron="30 25 * * *", code=2)
        self.assertIn("1 | 30 25 * * *\n  |    ^^ expected 0-23", done.err)
        self.assertIn("never comes true", self.add(cron="0 0 30 2 *", code=2).err)
        self.assertIn("did you mean `Europe/Helsinki`?", self.add(zone="Europe/Helsinky", code=2).err)
        self.assertIn("is no name of a schedule", self.add(name="../night", code=2).err)
        self.assertIn("/nowhere.yaml", self.schedule("add", "x", "--cron", "@daily", "--job", "/nowhere.yaml", code=2).err)
        self.assertIn("no schedules", self.schedule("list").out)

    def test_a_name_is_taken_once(self):
        self.add()
        self.add()
        done = self.add(cron="@daily", code=2)
        self.assertIn("there is another schedule `drm-tip` already", done.err)

    def test_a_lab_in_one_process_says_that_it_starts_nothing(self):
        self.add()
        done = self.schedule("run-now", "drm-tip", code=2)
        self.assertIn("this controller starts no runs", done.err)


if __name__ == "__main__":
    unittest.main()
