"""A disk that is full while the root image is built, and while a session's results are handed over.

The data folder is the tests' own below an overlay: what the run writes goes to a small tmpfs, and nothing of the real one is
changed."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from lab import DATA, Folder, end_all, kiln, start, wait_for


class SmallDisk:
    """DATA as it is, with so much space for what is written from now on."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="kiln-disk-"))
        self.data, self.disk = self.root / "data", self.root / "disk"
        for folder in (self.data, self.disk):
            folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", str(self.disk)], check=True)
        for name in ("upper", "work"):
            (self.disk / name).mkdir()
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={DATA},upperdir={self.disk}/upper,workdir={self.disk}/work", str(self.data)], check=True)
        return self

    def fill(self):
        with open(self.disk / "filler", "ab") as file:
            try:
                while True:
                    file.write(b"\0" * (1 << 20))
                    file.flush()
            except OSError:
                pass

    def empty(self):
        (self.disk / "filler").unlink(missing_ok=True)

    def __exit__(self, *_):
        end_all()
        for folder in (self.data, self.disk):
            subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


def fill_until(disk, stop):
    """Keeps it full: what a run frees meanwhile is taken, too."""
    while not stop.wait(0.2):
        disk.fill()


@unittest.skipUnless(os.geteuid() == 0, "root is needed to make a small file system")
class DiskFull(unittest.TestCase):
    def test_no_space_for_the_root_image(self):
        with SmallDisk("700m") as disk, Folder() as folder:
            for image in (disk.data / "agent").glob("images/*"):
                shutil.rmtree(image, ignore_errors=True)
            job = folder.small_job("no-image")
            done = kiln("run", job, "--fresh", data=disk.data, timeout=900)
            self.assertEqual(done.code, 3, str(done))
            self.assertRegex(done.err + done.out, r"the root image needs [\d.]+ GB in \S+/images, [\d.]+ MB are free")
            self.assertIn("free some space there", done.err + done.out)

    def test_the_disk_fills_while_the_root_image_is_built(self):
        with SmallDisk("1800m") as disk, Folder() as folder:
            for image in (disk.data / "agent").glob("images/*"):
                shutil.rmtree(image, ignore_errors=True)
            run = start("run", folder.small_job("half-image"), "--fresh", data=disk.data)
            wait_for(run, r"root image", 600)
            stop = threading.Event()
            filler = threading.Thread(target=fill_until, args=(disk, stop))
            filler.start()
            try:
                out, err = run.communicate(timeout=600)
            finally:
                stop.set()
                filler.join()
            self.assertEqual(run.returncode, 3, (out, err))
            self.assertRegex(err + out, r"no space left for the root image in \S+/images \([\d.]+ \w+ free\)")
            left = [p.name for p in (disk.data / "agent" / "images").iterdir() if p.is_dir()]
            self.assertEqual(left, [], "nothing half made is left")

    def test_the_disk_fills_while_results_are_handed_over(self):
        with SmallDisk("700m") as disk, Folder() as folder:
            job = folder.small_job("no-room")
            run = start("run", job, "--fresh", data=disk.data)
            wait_for(run, r"functional starts", 900)
            stop = threading.Event()
            filler = threading.Thread(target=fill_until, args=(disk, stop))
            filler.start()
            try:
                begun = time.monotonic()
                out, err = run.communicate(timeout=600)
            finally:
                stop.set()
                filler.join()
            self.assertEqual(run.returncode, 3, (out, err))
            self.assertLess(time.monotonic() - begun, 400, "no bound of minutes is waited for")
            self.assertIn("No space left on device", err + out)
            disk.empty()
            again = kiln("run", job, "--format", "json", data=disk.data, timeout=1800)
            self.assertEqual(again.code, 0, str(again))
            report = again.json()
            self.assertEqual(report["verdict"]["results_got"], report["verdict"]["results_planned"])
            self.assertTrue(all(b["state"] == "cached" for b in report["builds"]), report["builds"])


if __name__ == "__main__":
    unittest.main()
