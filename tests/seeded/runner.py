"""Takes one series through the main job and keeps what Kiln said of it as a row outside the checkout."""
import datetime
import json
import os
import pathlib
import signal
import subprocess
import time

import yaml

from seeded import COMMENTS, HOME

JOB = HOME / "jobs" / "kmap-local-page.yaml"
TIME_BUDGET = "45m"
KILL_AFTER_SECONDS = 3600
KEPT_CODES = (0, 1, 3)  # no regression, a regression, no verdict: what Kiln thinks of a series
# "short": the mock groups that reach the changed code, the gem tests but for those of 5 s and more, and not
# the list that needs no i915 at all.
REACHING = ["igt@i915_selftest@mock@shmem", "igt@i915_selftest@mock@shmem_data", "igt@i915_selftest@mock@swizzle"]
SLOW = {"igt@gem_pread@bench", "igt@gem_pwrite@bench", "igt@gem_pwrite@basic-random",
        "igt@prime_self_import@export-vs-gem_close-race", "igt@prime_self_import@reimport-vs-gem_close-race"}
LEFT_OUT = "no-gpu"


class RunnerError(Exception):
    """Why there is no row, for people."""


def short_list(phase, tests):
    """What "short" leaves of a phase's tests."""
    return REACHING if phase == "selftests" else [test for test in tests if test not in SLOW]


def write_short(phase, folder):
    path = folder / f"{phase['name']}.testlist"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [line for line in pathlib.Path(phase["list"]).read_text().splitlines() if line.startswith("igt@")]
    path.write_text("\n".join(short_list(phase["name"], lines)) + "\n")
    return dict(phase, list=str(path))


def job_text(name, series, lists, debug=False, pairs=0):
    """The main job for another series. `lists`: None = the job's own, else a folder for short ones; `pairs` 0
    leaves out all that measures."""
    job = yaml.safe_load(JOB.read_text())
    job.update(name=f"seeded-{name}", title=f"seeded: {name}", series=str(series), time_budget=TIME_BUDGET)
    for field in ("helpers", "bench_files", "config_dir"):
        job[field] = str((JOB.parent / job[field]).resolve())
    for phase in job["tests"]:
        phase["list"] = str((JOB.parent / phase["list"]).resolve())
    if lists is not None:
        job["tests"] = [write_short(phase, lists) for phase in job["tests"] if phase["name"] != LEFT_OUT]
    if debug:
        job["configs"] = [f"{config}-debug" for config in job["configs"]]
        for claim in job["claims"]:
            if "config" in claim:
                claim["config"] += "-debug"
    job["repeats"] = {"pairs": pairs, "instruction_boots": job["repeats"]["instruction_boots"] if pairs else 0}
    return yaml.safe_dump(job, sort_keys=False, width=200)


class Runner:
    """Rows in `folder`/rows, one a run; what a killed runner had is kept, and Kiln goes on with the run it was in."""

    def __init__(self, kiln, data, folder, minutes=None, fresh=False, say=print):
        self.kiln, self.data, self.folder, self.fresh, self.say = kiln, data, folder, fresh, say
        self.rows = folder / "rows"
        self.rows.mkdir(parents=True, exist_ok=True)
        self.deadline = time.monotonic() + 60 * minutes if minutes else None

    def time_is_up(self):
        return self.deadline is not None and time.monotonic() > self.deadline

    def row(self, key):
        path = self.rows / f"{key}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def bug(self, bug, lists, debug):
        key = bug.name + (".debug" if debug else "")
        series = bug.write_series(self.folder / "series" / bug.name)
        text = job_text(key.replace(".", "-"), series, self._lists(lists), debug)
        return self._take(key, text, lists=lists, debug=debug)

    def comments(self, number, lists, pairs):
        text = job_text("comments", COMMENTS, self._lists(lists), pairs=pairs)
        return self._take(f"comments-{number:02}", text, lists=lists, pairs=pairs)

    def _lists(self, lists):
        return self.folder / "lists" if lists == "short" else None

    def _take(self, key, text, **how):
        job = self.folder / "jobs" / f"{key.rsplit('-', 1)[0] if key.startswith('comments-') else key}.yaml"
        job.parent.mkdir(parents=True, exist_ok=True)
        if not job.exists() or job.read_text() != text:
            job.write_text(text)
        begun = time.monotonic()
        report = self._run(key, job)
        row = dict(how, key=key, when=datetime.datetime.now().isoformat(timespec="minutes"),
                   wall_seconds=round(time.monotonic() - begun, 1), report=report)
        part = self.rows / f"{key}.json.part"
        part.write_text(json.dumps(row))
        os.replace(part, self.rows / f"{key}.json")
        return row

    def _run(self, key, job):
        argv = [self.kiln, "--data-dir", self.data, "run", job, "--format", "json", *(["--fresh"] if self.fresh else [])]
        out, err = self.folder / "run.json", self.folder / f"{key}.err"
        self.say(f"{key}: {' '.join(map(str, argv))}")
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = subprocess.Popen([str(a) for a in argv], env=dict(os.environ, KILN_HOME=str(HOME)),
                                       stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)
            try:
                process.wait(KILL_AFTER_SECONDS)
            finally:
                end(process)
        if process.returncode not in KEPT_CODES:
            raise RunnerError(f"{key}: kiln ended with exit code {process.returncode}, see {err}")
        try:
            return json.loads(out.read_text())
        except ValueError:
            raise RunnerError(f"{key}: kiln printed no report, see {err}") from None


def end(process):
    """As Ctrl-C would: Kiln stops its machine and can go on with the run later."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
