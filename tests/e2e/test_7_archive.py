"""A series by its message-id: b4, and a real public-inbox of the founding series on the loopback."""
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import lab
from daemons import Lab

LETTER = "20230417103854.23197-1-fmdefrancesco@gmail.com"


class Archive:
    """public-inbox-httpd over the mails of the founding series, and a home whose b4 knows it."""

    def __init__(self, folder):
        self.home = pathlib.Path(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {"HOME": str(self.home), "PI_CONFIG": str(self.home / "inboxes"),
                    "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"), "ORIGINAL_RECIPIENT": "list@localhost"}
        self.run("git", "config", "--global", "user.name", "A tester")
        self.run("git", "config", "--global", "user.email", "tester@localhost")
        self.run("git", "config", "--global", "b4.midmask", f"http://127.0.0.1:{self.port}/series/%s")
        self.run("public-inbox-init", "-V2", "series", str(self.home / "inbox"),
                 f"http://127.0.0.1:{self.port}/series", "list@localhost")
        self.run("git", "config", "-f", self.env["PI_CONFIG"], "publicinboxmda.spamcheck", "none")
        for mail in sorted((lab.PARTS / "series").glob("*.patch")):
            body = mail.read_text().split("\n", 1)[1]  # without the mbox line
            self.run("public-inbox-mda", "--no-precheck", text=f"To: list@localhost\n{body}")
        self.server = subprocess.Popen(["public-inbox-httpd", "-l", f"127.0.0.1:{self.port}", "-W0"],
                                       env={**os.environ, **self.env}, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.wait()

    def run(self, *argv, text=""):
        done = subprocess.run(argv, input=text, env={**os.environ, **self.env}, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise AssertionError(f"{argv}: exit {done.returncode}\n{done.stdout[-2000:]}")

    def wait(self):
        deadline = time.monotonic() + 60
        url = f"http://127.0.0.1:{self.port}/series/{LETTER}/t.mbox.gz"
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.close()
        raise AssertionError(f"the archive does not serve {url}")

    def close(self):
        if self.server.poll() is None:
            self.server.terminate()
            self.server.wait(timeout=30)


class ByMessageId(unittest.TestCase):
    def test_a_series_of_an_archive_is_planned_and_an_unknown_one_is_named(self):
        with tempfile.TemporaryDirectory(prefix="kiln-archive-") as home, lab.Folder() as folder, \
                Lab(folder.path) as site:
            archive = Archive(home)
            self.addCleanup(archive.close)
            site.kilnd.start()
            site.wait("kilnd answers", lambda: site.kiln("queue").code == 0, 60)
            job = folder.small_job("by-message-id")

            def submit(message_id):
                return lab.kiln("submit", job, "--series", message_id, "--dry-run", "--format", "json",
                                data=site.data, timeout=600, env={"KILN_LAB": str(site.data), **archive.env})

            done = submit(LETTER)
            self.assertEqual(done.code, 0, done)
            by_path = site.kiln("submit", job, "--series", lab.PARTS / "series", "--dry-run", "--format", "json")
            keys = [sorted(cell["build_key"] for cell in plan.json()["cells"]) for plan in (done, by_path)]
            self.assertEqual(keys[0], keys[1], "the very kernels of the series in the folder")
            unknown = submit("nobody-wrote-this@localhost")
            self.assertNotEqual(unknown.code, 0, unknown)
            self.assertIn("fetching nobody-wrote-this@localhost with b4", unknown.err)
            self.assertIn("That message-id is not known", unknown.err)


if __name__ == "__main__":
    unittest.main()
