"""A lab: kilnd, agents and machines as processes of their own; killed, cut off, and nothing is lost."""
import concurrent.futures
import os
import random
import signal
import time
import unittest

import lab
from daemons import Lab, rows

KILLS = int(os.environ.get("KILN_CRASH_KILLS", "20"))


def played_job(folder, name, repeats="  confirmations: 5\n  pairs: 12\n  max_pairs: 12\n  canaries: 1\n"):
    """For played machines: what they answer is drawn from a seed; the kernels are real, and in store."""
    folder.write("played.testlist", "igt@played@one\nigt@played@two\n")
    return folder.write(f"{name}.yaml", f"""kiln: 1
name: {name}
source:
  package: linux-source-6.1
series: {lab.PARTS / 'series'}
helpers: {lab.PARTS / 'helpers'}
bench_files: {lab.PARTS / 'bench'}
configs: [i386-highmem, i386-nohighmem]
config_dir: {lab.HOME / 'kernel-configs'}
machine:
  tags: [simulated]
static_checks: false
tests:
  - name: gem
    list: played.testlist
benches:
  - name: played
    command: "true"
metrics:
  - metric: simulated/ns
repeats:
{repeats}  instruction_boots: 0
""")


class RealMachine(unittest.TestCase):
    """The whole way with a real kernel: submitted, controller killed in the middle, verdict."""

    def test_a_controller_killed_in_a_session_runs_it_once(self):
        with lab.Folder() as folder, Lab(folder.path) as site:
            site.kilnd.start()
            agent = site.agent("rack-1", "machines: [qemu-1]\n", data=lab.DATA / "agent").start()
            site.wait("the machine is ready", lambda: any(
                m["name"] == "qemu-1" and m["state"] == "ready"
                for m in site.kiln("machines", "--format", "json").json()["machines"]), 120)
            job = folder.small_job("lab-real")
            done = site.kiln("submit", job, "--series", lab.PARTS / "series", "--format", "json")
            self.assertEqual(done.code, 0, done)
            run = int(done.json()["run_id"])
            site.wait("a session runs", lambda: rows(
                lab.DATA, "SELECT id FROM sessions WHERE run_id = ? AND state = 'running'", run), 60)
            time.sleep(2)
            site.kilnd.kill()
            gone = site.kiln("queue")
            self.assertEqual(gone.code, 3, gone)
            self.assertIn("no controller answers at", gone.err)
            self.assertTrue(agent.alive())
            site.kilnd.start()
            with concurrent.futures.ThreadPoolExecutor() as beside:
                followed = beside.submit(self.follow_the_last, site, run)
                done = site.kiln("watch", run, "--timeout", "5m", "--format", "json")
                self.assertEqual(done.code, 0, done)
                self.look_at_logs(site, run, *followed.result(timeout=120))
            report = done.json()
            self.assertEqual(report["verdict"]["results_got"], 6)
            sessions = rows(lab.DATA, "SELECT key, attempt, ending FROM sessions WHERE run_id = ?", run)
            self.assertEqual(sorted(sessions), [("functional/baseline/i386-highmem", 1, "tested"),
                                                ("functional/patched/i386-highmem", 1, "tested")])

    def follow_the_last(self, site, run):
        """The console of the run's second session as it is said: (session, what `kiln log --follow` gave)."""
        found = []
        site.wait("its last session runs", lambda: found.extend(rows(
            lab.DATA, "SELECT id FROM sessions WHERE run_id = ? AND state = 'running' AND EXISTS (SELECT 1 FROM sessions"
            " WHERE run_id = ? AND state = 'done')", run, run)) or found, 240)
        return found[0][0], site.kiln("log", run, found[0][0], "--follow", timeout=240)

    def look_at_logs(self, site, run, session, followed):
        self.assertEqual(followed.code, 0, followed)
        stored = site.kiln("log", run, session)
        self.assertEqual(stored.code, 0, stored)
        said = followed.out.splitlines()
        self.assertIn("Linux version 6.1", followed.out)
        # To the session's end, though not everything need have come through while it went on.
        self.assertEqual(said[-1], stored.out.splitlines()[-1].rstrip("\r"))
        past = site.kiln("history", "machine", "qemu-1", "--format", "json")
        self.assertEqual(past.code, 0, past)
        self.assertEqual({"tested"}, {s["ending"] for s in past.json()["sessions"] if int(s["run_id"]) == run})

    def test_a_held_machine_takes_no_session_and_a_wrong_machine_is_named(self):
        with lab.Folder() as folder, Lab(folder.path) as site:
            site.kilnd.start()
            name = f"sim{os.getpid()}"
            machine = f"{name}-sim-1"
            site.agent(name, "simulated: 1\nsimulated_troubles: 0\n").start()
            site.wait("the machine is ready", lambda: "ready" in site.kiln("machines").out, 30)
            done = site.kiln("hold", machine, "--reason", "a look inside", "--for", "10m")
            self.assertEqual(done.code, 0, done)
            self.assertIn("a look inside", site.kiln("machines").out)
            again = site.kiln("hold", machine, "--reason", "me too")
            self.assertEqual(again.code, 2, again)
            self.assertIn("is held by local until", again.err)
            wrong = site.kiln("hold", "nothing", "--reason", "x")
            self.assertNotEqual(wrong.code, 0)
            self.assertIn("kiln machines lists them", wrong.err)
            self.assertEqual(site.kiln("release", machine).code, 0)
            site.wait("it is free", lambda: "ready" in site.kiln("machines").out, 10)


class Again(unittest.TestCase):
    """What people do with a job before and after it ran."""

    def test_a_plan_without_a_run_and_a_run_once_more(self):
        with lab.Folder() as folder, Lab(folder.path) as site:
            nobody = site.kiln("doctor")
            self.assertEqual(nobody.code, 3, nobody)
            self.assertIn("no controller answers at", nobody.out)
            site.kilnd.start()
            alone = site.kiln("doctor")
            self.assertEqual(alone.code, 3, alone)
            self.assertIn("start kiln-agent on a computer with machines", alone.out)
            few = "  confirmations: 0\n  pairs: 2\n  canaries: 0\n"
            job = played_job(folder, "again", few)

            def newest():
                return rows(lab.DATA, "SELECT max(id) FROM runs")[0][0]

            before = newest()
            plan = site.kiln("submit", job, "--dry-run")
            self.assertEqual(plan.code, 0, plan)
            self.assertIn("i386-nohighmem", plan.out)
            self.assertEqual(newest(), before)
            done = site.kiln("submit", job, "--format", "json")
            run = int(done.json()["run_id"])
            busy = site.kiln("retry", run)
            self.assertNotEqual(busy.code, 0)
            self.assertIn(f"run {run} is under way", busy.err)
            self.assertEqual(site.kiln("cancel", run).code, 0)
            stopped = site.kiln("watch", run, "--timeout", "1m")
            self.assertEqual(stopped.code, 130, stopped)
            agent = f"again{os.getpid()}"
            site.agent(agent, "simulated: 1\nsimulated_ms: 100\nsimulated_troubles: 0\n").start()
            site.wait("a machine is ready", lambda: f"{agent}-sim-1" in site.kiln("machines").out, 30)
            fine = site.kiln("doctor", "--format", "json")
            self.assertEqual([check["name"] for check in fine.json()["checks"]],
                             ["controller", "token", "agents", "machines"])
            again = site.kiln("retry", run, "--wait", "--format", "json", timeout=120)
            self.assertEqual(again.code, 0, again)
            self.assertEqual(int(again.json()["run"]["id"]), run)
            anew = site.kiln("retry", run, "--format", "json")
            self.assertEqual(anew.code, 0, anew)
            self.assertGreater(int(anew.json()["run_id"]), run)
            self.assertEqual(site.kiln("watch", int(anew.json()["run_id"]), "--timeout", "2m").code, 0)
            gone = site.kiln("retry", 99999999)
            self.assertIn("run 99999999 does not exist", gone.err)


class Quarantine(unittest.TestCase):
    """A machine that only makes trouble gets no more work, and comes back by itself once it works."""

    def test_a_machine_comes_back_when_its_health_check_passes(self):
        settings = "quarantine_after: 2\nhealth_check_after: 2s\n"
        with lab.Folder() as folder, Lab(folder.path, settings=settings) as site:
            site.kilnd.start()
            name = f"sick{os.getpid()}"
            machine = f"{name}-sim-1"

            def agent(troubles):
                return site.agent(name, f"simulated: 1\nsimulated_ms: 100\nsimulated_troubles: {troubles}\n"
                                        "simulated_trouble: lost\n").start()

            def seen():
                return next((m for m in site.kiln("machines", "--format", "json").json()["machines"]
                             if m["name"] == machine), {"state": ""})

            def run(job):
                done = site.kiln("submit", job, "--format", "json")
                self.assertEqual(done.code, 0, done)
                return int(done.json()["run_id"])

            few = "  confirmations: 0\n  pairs: 2\n  canaries: 0\n"
            well = agent(0)
            site.wait("the machine is ready", lambda: seen()["state"] == "ready", 30)
            good = run(played_job(folder, "well", few))
            done = site.kiln("watch", good, "--timeout", "2m")
            self.assertEqual(done.code, 0, done)
            well.kill(signal.SIGTERM)
            sick = agent(100)
            site.wait("the machine is ready", lambda: seen()["state"] == "ready", 30)
            bad = run(played_job(folder, "sick", few))
            site.wait("it is quarantined", lambda: seen()["state"] == "quarantined", 60)
            self.assertRegex(seen()["why"], r"^\d sessions in a row ended without a result")
            # A check by a machine that is still ill leaves it there.
            site.wait("a check failed", lambda: "does not work yet" in seen().get("check", ""), 60)
            self.assertEqual(seen()["state"], "quarantined")
            sick.kill(signal.SIGTERM)
            agent(0)
            site.wait("it is back", lambda: seen()["state"] in ("ready", "busy"), 90)
            # What was tried too often meanwhile is given up; nothing of it is laid to the series.
            done = site.kiln("watch", bad, "--timeout", "2m")
            self.assertIn(done.code, (0, 3), done)
            checks = rows(lab.DATA, "SELECT id, state FROM runs WHERE checks_machine = ? ORDER BY id", machine)
            self.assertGreaterEqual(len(checks), 2)
            report = site.kiln("report", checks[-1][0]).out
            self.assertIn(f"{machine} works: 2 tests passed", report)
            # What the lab asks itself is nobody's newest run.
            self.assertEqual(int(site.kiln("report", "@last", "--format", "json").json()["run"]["id"]), bad)


class Crashes(unittest.TestCase):
    """Many sessions on played machines while controller and agents are killed and connections broken."""

    def test_every_session_counts_once_whatever_is_killed(self):
        chance = random.Random(20261128)
        with lab.Folder() as folder, Lab(folder.path) as site:
            site.kilnd.start()
            proxies = [site.proxy(f"proxy-{i}", i) for i in (1, 2)]
            for i, proxy in enumerate(proxies, 1):
                site.agent(f"agent-{i}", f"simulated: 4\nsimulated_seed: {i}\nsimulated_ms: 300\n",
                           through=proxy.listen).start()
            site.wait("eight machines are ready",
                      lambda: site.kiln("machines").out.count(" ready ") == 8, 60)
            runs = []

            def submit():
                for number in range(1, 7):
                    done = site.kiln("submit", played_job(folder, f"crash-{number}"), "--format", "json")
                    self.assertEqual(done.code, 0, done)
                    runs.append(int(done.json()["run_id"]))

            def running():
                marks = ",".join("?" * len(runs))
                return rows(lab.DATA, f"SELECT id FROM runs WHERE id IN ({marks}) AND state = 'running'", *runs)

            submit()

            kills = 0
            while kills < KILLS:
                time.sleep(chance.uniform(0.3, 1.5))
                if not running():  # the long form needs more of them
                    submit()
                kind = chance.choice(["kilnd", "agent", "agent", "wire", "wire"])
                if kind == "wire":
                    chance.choice(proxies).trouble()
                    continue
                victim = site.kilnd if kind == "kilnd" else chance.choice(site.agents)
                victim.kill()
                kills += 1
                time.sleep(chance.uniform(0, 0.5))
                victim.start()
            site.wait("every run has ended", lambda: not running(), 300)
            marks = ",".join("?" * len(runs))
            self.check(site, runs, marks)
            print(f"{kills} kills, {len(rows(lab.DATA, f'SELECT id FROM sessions WHERE run_id IN ({marks})', *runs))}"
                  f" sessions ... ", end="", flush=True)

    def check(self, site, runs, marks):
        states = rows(lab.DATA, f"SELECT id, state FROM runs WHERE id IN ({marks})", *runs)
        self.assertEqual({s for _, s in states}, {"done"}, states)
        sessions = rows(lab.DATA, f"""SELECT run_id, key, state, ending, lease, lease_open FROM sessions
                                      WHERE run_id IN ({marks})""", *runs)
        self.assertEqual({s[2] for s in sessions}, {"done"}, "no session is stuck")
        self.assertEqual({s[5] for s in sessions}, {0}, "no machine is held")
        leases = [s[4] for s in sessions]
        self.assertEqual(len(leases), len(set(leases)), "no lease was given twice")
        good, bad = {}, {}
        for run, key, _, ending, _, _ in sessions:
            counts = good if ending in ("tested", "test-failed") else bad
            counts[run, key] = counts.get((run, key), 0) + 1
        twice = {k: n for k, n in good.items() if n > 1}
        self.assertEqual(twice, {}, "exactly one result counts")
        for key, count in bad.items():
            self.assertTrue(key in good or count >= 3, f"{key} was given up after {count} tries")
        # Each planned cell and pair is there.
        for run in runs:
            keys = {k for r, k in good if r == run} | {k for r, k in bad if r == run}
            for config in ("i386-highmem", "i386-nohighmem"):
                for variant in ("baseline", "patched"):
                    self.assertIn(f"functional/{variant}/{config}", keys)
        # What an agent had acknowledged it has forgotten; nothing waits to be sent.
        site.wait("the agents' outboxes are empty", lambda: not any(
            path.suffix in (".done", ".running")
            for daemon in site.agents for path in (site.folder / daemon.config.stem / "outbox").iterdir()), 150)
        reasons = rows(lab.DATA, f"""SELECT reason, count(*) FROM duplicate_sessions d JOIN sessions s
                                     ON s.id = d.session_id WHERE s.run_id IN ({marks}) GROUP BY reason""", *runs)
        for reason, _ in reasons:
            self.assertTrue(reason, "a duplicate has its reason")


if __name__ == "__main__":
    unittest.main()
