"""What all figures share: running Kiln in its own data folder, and how a figure is told."""
import json
import os
import pathlib
import statistics
import subprocess
import time

HOME = pathlib.Path(__file__).resolve().parents[2]
JOBS = HOME / "jobs" / "kmap-local-page"
POLL_SECONDS = 0.1

JOB = """kiln: 1
name: {name}
source: {{package: linux-source-6.1}}
series: {series}
helpers: {helpers}
configs: [i386-highmem]
config_dir: {configs}
cmdline: "{cmdline}"
"""
TESTS = """tests:
  - name: gem
    list: {list}
    setup: ["{setup}"]
    per_test: {per_test}s
    timeout: 15m
repeats: {{confirmations: 0, pairs: 0, instruction_boots: 0}}
"""
PER_TEST_SECONDS = 90
CMDLINE = "no_timer_check tsc=nowatchdog"
SETUP = "modprobe i915 mock_node=1"
# Few and quick: overhead that a long test list would hide shows here.
SHORT_LIST = ["igt@core_getversion@basic", "igt@gem_pread@self", "igt@gem_pwrite@basic-self"]


class BenchError(Exception):
    """Why no figure can be given, for people."""


def checked(argv, **options):
    """Runs a command and returns its stdout; its last words when it fails."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, **options)
    if done.returncode != 0:
        words = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        # Of a make: what went wrong first, not which folders it was left through.
        telling = [line for line in words if "error:" in line or "denied" in line]
        words = telling[:4] or words[-4:]
        raise BenchError(f"`{' '.join(map(str, argv))}` ended with exit code {done.returncode}: "
                         + "; ".join(words))
    return done.stdout


class Figure:
    """One figure: its value is the median over the repeats."""

    def __init__(self, name, unit, limit, how, values):
        self.name, self.unit, self.limit, self.how = name, unit, limit, how
        self.values = list(values)

    @property
    def value(self):
        return statistics.median(self.values)

    def line(self):
        spread = ""
        if len(self.values) > 1:
            spread = f" [{min(self.values):.2f} to {max(self.values):.2f}, {len(self.values)} repeats]"
        return f"{self.name} {self.value:.2f}{self.unit} (limit {self.limit}{self.unit}){spread}: {self.how}"

    def json(self):
        return {"name": self.name, "value": self.value, "unit": self.unit, "limit": self.limit,
                "within": self.value <= self.limit, "values": self.values, "how": self.how}


def peak_kib(pid):
    """VmHWM of a process, None when it is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return None


class Run:
    """One `kiln run` as a process: its JSON report, wall time and peak memory."""

    def __init__(self, report, wall, peak):
        self.report, self.wall, self.peak_kib = report, wall, peak

    @property
    def sessions(self):
        return self.report.get("sessions", [])

    def build(self, cell):
        for build in self.report.get("builds", []):
            if build["cell"] == cell:
                return build
        raise BenchError(f"the run has no build of {cell}")


class Lab:
    """Kiln with a data folder that the benchmarks have to themselves."""

    def __init__(self, options):
        self.kiln, self.data = options.kiln.resolve(), options.data_dir.resolve()
        self.work = self.data / "bench"
        self.work.mkdir(parents=True, exist_ok=True)
        self.env = dict(os.environ, KILN_HOME=str(HOME))
        self._ready = None

    @property
    def ccache(self):
        base = self.env.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
        return pathlib.Path(self.env.get("KILN_CCACHE_DIR") or pathlib.Path(base) / "kiln" / "ccache")

    def job(self, name, series=JOBS / "series", tests=None):
        """Writes a job file; `tests` are lines of its test list, None = it only builds."""
        text = JOB.format(name=name, series=series, helpers=JOBS / "helpers", cmdline=CMDLINE,
                          configs=HOME / "kernel-configs")
        if tests is not None:
            (self.work / f"{name}.testlist").write_text("\n".join(tests) + "\n")
            text += TESTS.format(list=f"{name}.testlist", setup=SETUP,
                                 per_test=PER_TEST_SECONDS)
        path = self.work / f"{name}.yaml"
        path.write_text(text)
        return path

    def run(self, job, fresh=True):
        argv = [str(self.kiln), "--data-dir", str(self.data), "--progress", "none", "run", str(job),
                "--format", "json"] + (["--fresh"] if fresh else [])
        out, err = self.work / "run.json", self.work / "run.err"
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            started = time.monotonic()
            process = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=stdout,
                                       stderr=stderr)
            peak = 0
            while process.poll() is None:
                peak = max(peak, peak_kib(process.pid) or 0)
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    pass
            wall = time.monotonic() - started
        try:
            report = json.loads(out.read_text())
        except ValueError:
            raise BenchError(f"`{' '.join(argv)}` ended with exit code {process.returncode}: "
                             + err.read_text(errors="replace").strip()) from None
        if "error" in report:
            raise BenchError(f"{job}: {report['error'].get('message', report['error'])}")
        for build in report.get("builds", []):
            if build["state"] == "failed":
                raise BenchError(f"{build['cell']} does not build: {build.get('error', '')}")
        for session in report.get("sessions", []):
            if session["ending"] != "tested":
                raise BenchError(f"session {session['id']} ended as {session['ending']}: "
                                 + session.get("error", ""))
        return Run(report, wall, peak)

    def plan_seconds(self, job):
        started = time.monotonic()
        checked([self.kiln, "--data-dir", self.data, "plan", job], env=self.env)
        return time.monotonic() - started

    def ready(self):
        """The founding series built and booted once, so that kernels, image and source are there."""
        if self._ready is None:
            self._ready = self.run(self.job("bench-warm", tests=SHORT_LIST))
        return self._ready
