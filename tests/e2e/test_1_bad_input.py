"""Wrong use and bad input: a clear error, exit code 2, nothing started."""
import json
import os
import subprocess
import unittest

from lab import HOME, JOB, PARTS, Folder, kiln


class BadInput(unittest.TestCase):
    def refused(self, text, *wanted, name="job.yaml", code=2):
        with Folder() as folder:
            path = folder.write(name, text)
            done = kiln("plan", path, timeout=120)
            self.assertEqual(done.code, code, str(done))
            for piece in wanted:
                self.assertIn(piece, done.err, str(done))
            self.assertEqual(done.out, "", str(done))
            return done

    def founding(self):
        """The founding job's text with absolute paths, so that a copy elsewhere is valid."""
        return (JOB.read_text().replace("kmap-local-page/", str(PARTS) + "/")
                .replace("../kernel-configs", str(HOME / "kernel-configs")))

    def test_a_typo_names_file_line_column_and_the_nearest_field(self):
        text = self.founding().replace("\nconfigs:", "\nconfgs:")
        self.refused(text, "unknown field", "confgs", "job.yaml:", "did you mean `configs`?")

    def test_a_wrong_type_says_what_was_expected(self):
        self.refused(self.founding().replace("pairs: 6", "pairs: many"), "`repeats.pairs`", "job.yaml:")

    def test_a_missing_list_is_named(self):
        self.refused(JOB.read_text().replace("kmap-local-page/", "nowhere/"), "nowhere/")

    def test_a_yaml_bomb_is_refused_quickly(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
        for before, after in zip("abcdefgh", "bcdefghi"):
            bomb += f"{after}: &{after} [" + ",".join([f"*{before}"] * 9) + "]\n"
        done = self.refused(bomb, "job.yaml")
        self.assertLess(done.seconds, 30)

    def test_a_huge_file_is_refused(self):
        self.refused("# " + "x" * (100 << 20), "1")

    def test_binary_garbage_is_refused(self):
        with Folder() as folder:
            path = folder.path / "job.yaml"
            path.write_bytes(bytes(range(256)) * 64)
            self.assertEqual(kiln("plan", path, timeout=60).code, 2)

    def test_no_such_job(self):
        done = kiln("plan", "/nowhere/job.yaml", timeout=60)
        self.assertEqual(done.code, 2)
        self.assertIn("/nowhere/job.yaml", done.err)

    def test_unknown_command_suggests_the_nearest(self):
        done = subprocess.run([str(HOME / "kiln"), "runn"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean `run`?", done.stderr)

    def test_unknown_config_names_the_nearest(self):
        text = self.founding().replace("[i386-highmem, i386-nohighmem]", "[i386-highmen]")
        with Folder() as folder:
            path = folder.write("job.yaml", text)
            done = kiln("plan", path, timeout=300)
            self.assertEqual(done.code, 2, str(done))
            self.assertIn("i386-highmem", done.err)

    def test_a_series_that_does_not_apply_names_patch_file_and_hunk(self):
        with Folder() as folder:
            for patch in sorted((PARTS / "series").glob("*.patch")):
                text = patch.read_text()
                if patch.name.startswith("0002"):
                    text = text.replace("\tvaddr = kmap(page);", "\tvaddr = kmap_nowhere(page);")
                    text = text.replace("-\tvaddr = kmap", "-\tvaddr = kmapx")
                folder.write(f"series/{patch.name}", text)
            job = folder.small_job(series=folder.path / "series")
            done = kiln("run", job, timeout=900)
            self.assertEqual(done.code, 2, str(done))
            self.assertIn("2/3", done.err)
            self.assertIn("intel_ggtt_fencing.c", done.err)
            self.assertIn("hunk", done.err)

    def test_an_empty_test_list_is_refused(self):
        with Folder() as folder:
            job = folder.small_job()
            folder.write("small.testlist", "# nothing\n")
            done = kiln("plan", job, timeout=60)
            self.assertEqual(done.code, 2, str(done))
            self.assertIn("small.testlist", done.err)

    def test_errors_are_json_too(self):
        done = kiln("plan", "/nowhere/job.yaml", "--format", "json", timeout=60)
        error = json.loads(done.out)["error"]
        self.assertEqual(error["kind"], "not-found")
        self.assertIn("/nowhere/job.yaml", error["message"])

    def test_a_run_that_is_not_there(self):
        with Folder() as folder:
            done = kiln("show", "99", data=folder.path, timeout=60)
            self.assertEqual(done.code, 2, str(done))

    @unittest.skipUnless(os.geteuid() == 0, "root is needed to make a full file system")
    def test_a_full_disk_is_told_and_exits_3(self):
        with Folder() as folder:
            mount = folder.path / "small"
            mount.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)], check=True)
            try:
                done = kiln("run", JOB, data=mount, timeout=900)
                self.assertEqual(done.code, 3, str(done))
                self.assertIn("No space left", done.err)
            finally:
                subprocess.run(["umount", str(mount)], check=True)


class Doctor(unittest.TestCase):
    def test_doctor_says_what_is_there(self):
        done = kiln("doctor", "--format", "json", timeout=60)
        names = {check["name"] for check in json.loads(done.out)["checks"]}
        self.assertEqual(names, {"packages", "sandbox", "images", "kvm", "disk", "memory"})


if __name__ == "__main__":
    unittest.main()
