"""The dashboard's port as people start it: `kiln serve` on a data folder, kilnd of a lab."""
import json
import pathlib
import re
import signal
import socket
import tempfile
import unittest
import urllib.error
import urllib.request

import lab
from daemons import Daemon, Lab


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(address, body=None, cookie="", headers=None):
    """(status, text, headers) of one request."""
    request = urllib.request.Request(address, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Cookie": cookie, "Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=30) as reply:
            return reply.status, reply.read().decode(), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


class Serve(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kiln-dashboard-")
        self.data = pathlib.Path(self.folder.name) / "data"
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(lab.end_all)

    def serve(self, *args):
        process = lab.start("serve", *args, data=self.data)
        return process, process.stdout.readline().strip()

    def test_from_the_printed_address_to_ctrl_c(self):
        process, address = self.serve("--port", "0")
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/auth/open\?key=[0-9a-f]{64}", address)
        self.assertTrue(found, address)
        server = found[1]
        self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {})[0], 401)
        status, _, headers = ask(address)
        self.assertEqual(status, 303)
        cookie = headers["Set-Cookie"].split(";")[0]
        self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie)[:2], (200, "{}"))
        self.assertEqual(json.loads(ask(server + "/auth/me", cookie=cookie)[1])["role"], "admin")
        self.assertEqual(ask(server + "/run/1")[0], 200)
        self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie, {"Origin": "http://evil.example"})[0], 403)

        # Another one says what holds the folder, and by which process.
        second = lab.kiln("serve", "--port", "0", data=self.data, timeout=300)
        self.assertNotEqual(second.code, 0, second)
        self.assertRegex(second.err, r"in use by process \d+")

        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        # The address that was opened once is good after a restart on the same port.
        again, later = self.serve("--port", server.rsplit(":", 1)[1])
        self.assertEqual(later, address)
        self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie)[0], 200)
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=60)

    def test_a_port_that_is_taken_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = lab.kiln("serve", "--port", str(port), data=self.data, timeout=300)
        self.assertNotEqual(done.code, 0)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", done.err)


class OfALab(unittest.TestCase):
    def test_a_token_signs_in_and_stays_signed_in_over_a_restart(self):
        with tempfile.TemporaryDirectory(prefix="kiln-dashboard-") as folder:
            data = pathlib.Path(folder) / "data"
            done = lab.kiln("lab", "init", data, data=data, timeout=300)
            self.assertEqual(done.code, 0, done)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            (data / "kilnd.yaml").write_text(
                f"kilnd: 1\ndata_dir: {data}\nlisten: \"127.0.0.1:0\"\nlisten_agents: \"127.0.0.1:0\"\n"
                f"listen_metrics: none\nlisten_dashboard: \"127.0.0.1:{port}\"\n"
                f"ccache_dir: {pathlib.Path(folder) / 'ccache'}\n")
            with Lab(folder, data=data) as site:
                site.kilnd = Daemon("kilnd", data / "kilnd.yaml", pathlib.Path(folder) / "kilnd.log")
                self.up(site)
                server = f"http://127.0.0.1:{port}"
                made = site.kiln("token", "add", "anna", "--role", "viewer", "--format", "json")
                self.assertEqual(made.code, 0, made)
                token = made.json()["token"]
                status, text, headers = ask(server + "/auth/sign-in", {"token": token}, headers={"Origin": server})
                self.assertEqual(status, 200, text)
                cookie = headers["Set-Cookie"].split(";")[0]
                self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie)[0], 200)
                site.kilnd.kill()
                self.up(site)
                self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie)[0], 200)
                revoked = site.kiln("token", "revoke", token)
                self.assertEqual(revoked.code, 0, revoked)
                self.assertEqual(ask(server + "/kiln.v1.Lab/ListRuns", {}, cookie)[0], 401)
                audit = site.kiln("audit", "--outcome", "refused", "--format", "json")
                self.assertIn("127.0.0.1:", audit.out, "from where")

    @staticmethod
    def up(site):
        site.kilnd.start()
        site.wait("kilnd serves", lambda: site.kilnd.tail().count("kilnd serves") > 0 and site.kiln("queue").code == 0, 60)


if __name__ == "__main__":
    unittest.main()
