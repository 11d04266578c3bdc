"""Work units through kilnd and an agent, as processes of their own, against the bare script: one boot, twenty
trivial shell commands and one quick test, results fetched and stored.

Kiln has no test phase of shell commands: the nearest is a phase's `setup`, each command of which goes over the
machine's SSH connection by itself, as a shell case would."""
import concurrent.futures
import json
import signal
import sqlite3
import subprocess
import tempfile
import time
import pathlib

from parts.common import CMDLINE, HOME, SETUP, BenchError, Figure
from parts.session import bare_seconds

CASES = ["true"] * 20
TEST = ["igt@core_getversion@basic"]
MANY = 200  # of trivial cases, where one is measured

JOB = """kiln: 1
name: {name}
source: {{package: linux-source-6.1}}
helpers: {helpers}
configs: [i386-highmem]
config_dir: {configs}
cmdline: "{cmdline}"
tests:
  - name: gem
    list: unit.testlist
    setup: {setup}
    timeout: 15m
static_checks: false
repeats: {{confirmations: 0, pairs: 0, instruction_boots: 0}}
"""


class Daemons:
    """kilnd over the benchmarks' data folder, and an agent with two machines."""

    def __init__(self, lab):
        self.lab, self.folder, self.processes = lab, pathlib.Path(tempfile.mkdtemp(prefix="kiln-units-")), []
        binaries = lab.kiln.parents[1] / "bin"
        try:
            self.begin(binaries)
        except BaseException:
            self.close()
            raise

    def begin(self, binaries):
        lab = self.lab
        self.start(binaries / "kilnd", f"kilnd: 1\ndata_dir: {lab.data}\nccache_dir: {lab.ccache}\n"
                                       "listen: none\nlisten_agents: none\nlisten_metrics: none\nlisten_dashboard: none\n")
        self.start(binaries / "kiln-agent", f"agent: 1\nname: units\ncontroller: \"unix:{lab.data}/run/controller.sock\"\n"
                                            f"data_dir: {lab.data}/agent\nimages_dir: {HOME}/images\n"
                                            "machines: [unit-1, unit-2]\n")
        deadline = time.monotonic() + 180
        while self.kiln("machines").count(" ready ") < 2:
            if time.monotonic() > deadline:
                raise BenchError("the two machines are not ready: " + self.kiln("machines"))
            time.sleep(0.5)

    def start(self, program, config):
        path = self.folder / f"{program.name}.yaml"
        path.write_text(config)
        log = open(self.folder / f"{program.name}.log", "wb")
        self.processes.append(subprocess.Popen([program, "--config", path], stdin=subprocess.DEVNULL, stdout=log,
                                               stderr=log))

    def kiln(self, *argv):
        return subprocess.run([self.lab.kiln, "--lab", self.lab.data, *map(str, argv)], env=self.lab.env,
                              capture_output=True, text=True).stdout

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def submit(self, job):
        return int(json.loads(self.kiln("submit", job, "--format", "json"))["run_id"])

    def wait(self, runs):
        marks = ",".join("?" * len(runs))
        while True:
            db = sqlite3.connect(f"file:{self.lab.data / 'kiln.db'}?mode=ro", uri=True, timeout=30)
            rows = db.execute(f"SELECT run_id, state, ending, elapsed_seconds FROM sessions WHERE run_id IN ({marks})",
                              runs).fetchall()
            db.close()
            if len(rows) == len(runs) and all(state == "done" for _, state, _, _ in rows):
                break
            time.sleep(0.02)
        bad = [row for row in rows if row[2] != "tested"]
        if bad:
            raise BenchError(f"a unit ended as {bad[0][2]}")
        return [elapsed for *_, elapsed in rows]


def job(lab, name, setup):
    (lab.work / "unit.testlist").write_text("\n".join(TEST) + "\n")
    path = lab.work / f"{name}.yaml"
    path.write_text(JOB.format(name=name, helpers=HOME / "jobs/kmap-local-page/helpers", cmdline=CMDLINE,
                               configs=HOME / "kernel-configs", setup=json.dumps(setup)))
    return path


def units(lab, repeats, count=20):
    """`unit`: one at a time; `queue`: twenty handed in at once, on two machines; `case`: what one costs."""
    warm = lab.ready()
    setup = [SETUP, *CASES]
    unit, many = job(lab, "unit", setup), job(lab, "unit-many", [SETUP, *(["true"] * MANY)])
    bare = lambda: bare_seconds(lab, warm, "baseline/i386-highmem", TEST, setup)
    ones, queues, cases = [], [], []
    daemons = Daemons(lab)
    try:
        daemons.wait([daemons.submit(unit)])  # the kernel is with the agent now
        for _ in range(repeats):
            begun = time.monotonic()
            few = daemons.wait([daemons.submit(unit)])[0]
            ones.append((time.monotonic() - begun) / bare())
            cases.append((daemons.wait([daemons.submit(many)])[0] - few) / (MANY - len(CASES)) * 1000)
        begun = time.monotonic()
        daemons.wait([daemons.submit(unit) for _ in range(count)])
        kiln = time.monotonic() - begun
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as two:
            list(two.map(lambda _: bare(), range(count)))
        queues.append(kiln / (time.monotonic() - begun))
    finally:
        daemons.close()
    return [
        Figure("unit", "x", 1.15, "one boot, 20 shell commands and a test, from handing in to results stored, "
               "through kilnd and an agent, against the bare script", ones),
        Figure("queue", "x", 1.1, f"{count} such units handed in at once, on two machines, against the bare script "
               "two at a time", queues),
        Figure("case", " ms", 30, "one trivial shell command more in a session", cases),
    ]
