#!/usr/bin/env python3
"""run.py BUILD: the dashboard in a browser against real programs over some nights of made-up runs.

BUILD is a build tree with KILN_BENCH. kilnd serves a small data folder with thirty findings that wait (bench/years makes
it), then `kiln serve` does. The tests are dashboards/tests/{real,same}.test.ts: all pages, thirty decisions by keys, and
each page's command beside its rows. The last line is `N passed, N failed`."""
import contextlib
import gzip
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOME = pathlib.Path(__file__).resolve().parents[2]
NIGHTS = ["--nights", "12", "--jobs", "3", "--tests", "70", "--machines", "5", "--open", "30"]
LIMIT = 900  # seconds of each run of the tests


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


class Programs:
    def __init__(self, kiln, kilnd, years, folder):
        self.kiln_file, self.kilnd_file, self.years_file = kiln, kilnd, years
        self.folder, self.data = folder, folder / "data"

    def kiln(self, *args):
        return subprocess.run([self.kiln_file, "--data-dir", str(self.data), *args], check=True, capture_output=True,
                              text=True, timeout=120, env={**os.environ, "KILN_LAB": str(self.data)}).stdout

    def make(self):
        sample = self.folder / "report.json"
        sample.write_bytes(gzip.decompress((HOME / "dashboards/tests/data/run-good.json.gz").read_bytes()))
        subprocess.run([self.years_file, str(self.data), "--report", str(sample), *NIGHTS], check=True, timeout=300)
        subprocess.run([self.kiln_file, "lab", "init", str(self.data)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL, env={k: v for k, v in os.environ.items() if k != "KILN_LAB"})

    @contextlib.contextmanager
    def lab(self):
        """kilnd over the folder; its dashboard's address."""
        port = free_port()
        config = self.folder / "kilnd.yaml"
        config.write_text(f"kilnd: 1\ndata_dir: {self.data}\nlisten: \"127.0.0.1:0\"\nlisten_agents: \"127.0.0.1:0\"\n"
                          f"listen_metrics: none\nlisten_dashboard: \"127.0.0.1:{port}\"\n"
                          f"ccache_dir: {self.folder / 'ccache'}\n")
        log = self.folder / "kilnd.log"
        with open(log, "wb") as out:
            process = subprocess.Popen([self.kilnd_file, "--config", str(config)], stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 120
            while "kilnd serves" not in log.read_text(errors="replace"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("kilnd does not serve:\n" + log.read_text(errors="replace")[-3000:])
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def browse(newer, tests, more, folder):
    """(passed, failed) of these tests."""
    results = folder / f"{pathlib.Path(tests).name}.json"
    env = {**os.environ, "KILN_HOME": str(HOME), **more}
    if newer:
        env["PATH"] = newer + ":" + env["PATH"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["npx", "vitest", "run", "--project", "browser", "--reporter=default", "--reporter=json",
                        f"--outputFile.json={results}", tests], cwd=HOME / "dashboards", env=env, timeout=LIMIT)
    counts = subprocess.run(["node", "scripts/counts.mjs", str(results)], cwd=HOME / "dashboards", env=env, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    for name in counts[1:]:
        print(f"FAILED  {name}")
    return [int(word) for word in counts[0].split()]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    kiln = build / "cli/kiln"
    subprocess.run([str(HOME / "packaging/dashboard"), str(build / "dashboard")], check=True, timeout=1800)
    newer = subprocess.run([str(HOME / "packaging/node")], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="kiln-dashboard-") as name:
        folder = pathlib.Path(name)
        programs = Programs(kiln, build / "bin/kilnd", build / "bench/kiln_years", folder)
        programs.make()
        with programs.lab() as address:
            token = json.loads(programs.kiln("token", "add", "anna", "--role", "admin", "--format", "json"))["token"]
            same = browse(newer, "tests/same.test.ts", {
                "KILN_DASHBOARD_AT": address, "KILN_DASHBOARD_TOKEN": token, "KILN_TEST_KILN": str(kiln),
                "KILN_LAB": str(programs.data), "KILN_DATA_DIR": str(programs.data)}, folder)
        real = browse(newer, "tests/real.test.ts", {"KILN_TEST_KILN": str(kiln),
                                                    "KILN_DASHBOARD_DATA": str(programs.data)}, folder)
    passed, failed = same[0] + real[0], same[1] + real[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
