"""A lab that is kept: backed up while it works, restored elsewhere, watched, and short of space."""
import json
import pathlib
import signal
import threading
import unittest
import urllib.error
import urllib.request

import lab
from daemons import Daemon, Lab


class Site(Lab):
    """A lab in a data folder of its own, with played machines, as `kiln lab init` makes one."""

    def __init__(self, folder):
        super().__init__(folder, data=pathlib.Path(folder) / "data")
        done = lab.kiln("lab", "init", self.data, data=self.data, timeout=300)
        assert done.code == 0, done
        self.settings(metrics=True)

    def settings(self, min_free="1MiB", metrics=False, data=None):
        """kilnd.yaml, anew."""
        data = data or self.data
        (data / "kilnd.yaml").write_text(
            f"kilnd: 1\ndata_dir: {data}\nlisten: \"127.0.0.1:0\"\nlisten_agents: \"127.0.0.1:0\"\n"
            f"listen_metrics: \"127.0.0.1:0\"\nmin_free: {min_free}\nccache_dir: {self.folder / 'ccache'}\n")
        if metrics:
            self.kilnd = Daemon("kilnd", data / "kilnd.yaml", self.folder / "kilnd.log")

    def move(self, data):
        """The same lab in another data folder."""
        self.data = data
        self.settings(metrics=True)

    def page(self, path):
        """(status, text) of kilnd's own pages."""
        words = [line for line in self.kilnd.log.read_text().splitlines() if "metrics " in line and "serves" in line]
        port = words[-1].split("metrics ")[1].split('"')[0].strip()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def up(self):
        self.kilnd.start()
        self.wait("kilnd serves", lambda: "kilnd serves" in self.kilnd.tail()
                  and self.kiln("queue").code == 0, 60)

    def played(self, name, controller=None):
        agent = self.agent(name, "simulated: 2\nsimulated_troubles: 0\n", through=controller)
        return agent


class Keeping(unittest.TestCase):
    def test_a_backup_of_a_working_lab_becomes_a_lab(self):
        with lab.Folder() as folder, Site(folder.path) as site:
            site.up()
            agent = site.played("rack-1").start()
            site.wait("its machines are ready", lambda: site.kiln("machines").out.count("ready") == 2, 60)
            self.assertEqual(site.kiln("token", "add", "anna", "--role", "viewer").code, 0)
            self.assertEqual(site.kiln("hold", "rack-1-sim-1", "--reason", "a look", "--for", "1h").code, 0)
            # Somebody writes all the while.
            writing = threading.Event()

            def write():
                while not writing.is_set():
                    site.kiln("drain", "rack-1-sim-2", "--reason", "busy")
                    site.kiln("resume", "rack-1-sim-2")

            writer = threading.Thread(target=write)
            writer.start()
            backups = site.folder / "backups"
            try:
                done = site.kiln("backup", backups, "--format", "json")
                again = site.kiln("backup", backups, "--keep", "1", "--format", "json")
            finally:
                writing.set()
                writer.join()
            self.assertEqual(done.code, 0, done)
            self.assertEqual(again.code, 0, again)
            self.assertEqual(len(again.json()["removed"]), 1, again)
            before = (site.data / "pki" / "ca.crt").read_bytes()
            site.kilnd.kill()
            # The old folder is lost; an old agent is still there and knows its leases.
            new = site.folder / "new"
            taken = site.kiln("restore", backups, site.folder)
            self.assertEqual(taken.code, 2, taken)
            self.assertIn("is not an empty folder", taken.err)
            done = lab.kiln("restore", backups, new, data=new, timeout=300)
            self.assertEqual(done.code, 0, done)
            self.assertIn("kilnd.yaml in it now names this folder", done.out)
            self.assertIn(f"data_dir: {new}\n", (new / "kilnd.yaml").read_text())
            self.assertEqual((new / "pki" / "ca.crt").read_bytes(), before)
            self.assertTrue(agent.alive())
            agent.kill(signal.SIGTERM)
            site.move(new)
            site.up()
            site.played("rack-1").start()
            site.wait("its machines are back", lambda: "rack-1-sim-2" in site.kiln("machines").out, 60)
            self.assertIn("a look", site.kiln("machines").out)
            self.assertIn("anna", site.kiln("token", "list").out)
            self.assertIn("kiln restore", site.kiln("audit").out)

    def test_keeping_is_asked_of_the_lab(self):
        with lab.Folder() as folder, Site(folder.path) as site:
            site.up()
            self.assertIn("no run is kept by hand", site.kiln("kept").out)
            done = site.kiln("keep", "7", "--reason", "evidence")
            self.assertEqual(done.code, 2, done)
            self.assertIn("run 7 does not exist", done.err)
            done = site.kiln("gc", "--dry-run", "--format", "json")
            self.assertEqual(done.code, 0, done)
            self.assertTrue(done.json()["dry_run"])
            done = site.kiln("gc", "--days", "30")
            self.assertEqual(done.code, 0, done)
            self.assertIn("gone: 0 artifacts", done.out)


class Watching(unittest.TestCase):
    def test_short_of_space_it_takes_nothing_new_and_goes_on_by_itself(self):
        with lab.Folder() as folder, Site(folder.path) as site:
            site.settings(min_free="900TiB")
            site.up()
            job = folder.small_job("no-space")
            done = site.kiln("submit", job)
            self.assertEqual(done.code, 3, done)
            self.assertIn("no new work is taken", done.err)
            self.assertIn("nothing new is started", site.kiln("queue").out)
            self.assertEqual(site.page("/ready")[0], 503)
            self.assertIn("are free in", json.loads(site.page("/ready")[1])["reasons"][0])
            self.assertEqual(site.page("/live")[0], 200)
            self.assertIn("kiln_paused 1\n", site.page("/metrics")[1])
            self.assertEqual(site.kilnd.log.read_text().count("no new work is taken;"), 1)
            site.settings(min_free="1MiB")
            site.kilnd.process.send_signal(signal.SIGHUP)
            site.wait("it goes on", lambda: site.page("/ready")[0] == 200, 30)
            self.assertNotIn("nothing new is started", site.kiln("queue").out)
            self.assertIn("kiln_paused 0\n", site.page("/metrics")[1])

    def test_the_figures_of_a_working_lab(self):
        with lab.Folder() as folder, Site(folder.path) as site:
            site.up()
            site.played("rack-1").start()
            site.wait("the machines are counted",
                      lambda: 'kiln_machines{state="ready"} 2\n' in site.page("/metrics")[1], 60)
            text = site.page("/metrics")[1]
            self.assertIn("kiln_agents_connected 1\n", text)
            self.assertRegex(text, r'kiln_database_seconds_count\{access="read"\} [1-9]')
            self.assertEqual(site.page("/nothing")[0], 404)


if __name__ == "__main__":
    unittest.main()
