// What the stand-in has: two recorded real runs, and thirty findings that are variations of real ones.
import { recorded, StandIn } from "./standin";

// biome-ignore lint/suspicious/noExplicitAny: JSON as it came from the CLI
type Json = any;

const classes = ["regression", "regression", "coverage-lost", "flaky", "warning"];
const machines = ["kbl-1", "bdw-2", "qemu-1"];

/** 30 findings in 3 nights that need a person. */
export function thirty(regression: Json): Json[] {
  const base = regression.findings.filter((f: Json) => f.test !== "");
  const rows: Json[] = [];
  for (let i = 0; i < 30; i += 1) {
    const real = structuredClone(base[i % base.length]);
    const run = 412 - (i % 3);
    const cls = classes[i % classes.length]!;
    real.id = `f${Math.floor(i / 3) + 1}`;
    real.class = cls;
    real.test = `igt@gem_seeded_${String(i).padStart(2, "0")}@case`;
    rows.push({
      runId: String(run),
      finding: real,
      jobName: "nightly",
      title: `drm-tip, night ${run}`,
      machine: machines[i % 3],
      schedule: "drm-tip",
      finished: `2026-11-${28 - (i % 3)}T03:10:00Z`,
      state: "open",
      seenBy: i % 4 === 0 ? ["anna"] : [],
      timesSeen: (i % 5) + 1,
      strip: ["", "", "", i % 2 ? "flaky" : "", "", cls, cls],
      owner: "",
    });
  }
  return rows;
}

export function withRun(report: Json, id: number, more: Json = {}): Json {
  const copy = structuredClone(report);
  copy.run.id = String(id);
  Object.assign(copy.run, more);
  for (const f of copy.findings) f.reproduce = `kiln repro ${id}/${f.id}`;
  return copy;
}

export function someLog(lines: number): string[] {
  const out: string[] = [];
  for (let i = 1; i <= lines; i += 1) {
    if (i === 1204)
      out.push("[   41.400000] BUG: unable to handle page fault for address: f7a01000");
    else if (i % 997 === 0)
      out.push(`[${(i / 30).toFixed(6)}] WARNING: CPU: 0 PID: ${i} at mm/highmem.c:622`);
    else if (i % 50 === 0)
      out.push(`[${(i / 30).toFixed(6)}] [IGT] gem_pread: starting subtest basic-${i}`);
    else
      out.push(
        `[${(i / 30).toFixed(6)}] i915 0000:00:02.0: [drm:intel_power_well_enable] enabling always-on ${i}`,
      );
  }
  return out;
}

export async function seeded(): Promise<StandIn> {
  const standin = new StandIn();
  const good = recorded("run-good");
  const bad = recorded("run-regression");
  standin.reports.set("1", good);
  standin.reports.set("2", bad);
  for (const id of [410, 411, 412])
    standin.reports.set(String(id), withRun(bad, id, { title: `drm-tip, night ${id}` }));
  standin.rows = thirty(bad);
  // The findings' own pages need them in their reports.
  for (const row of standin.rows) {
    const report = standin.reports.get(row.runId);
    report.findings = report.findings.filter(
      (f: Json) => !(f.id === row.finding.id && !f.test.includes("seeded")),
    );
    report.findings.push(row.finding);
  }
  standin.log = someLog(20_000);
  standin.machines = [
    {
      name: "kbl-1",
      agent: "rack-1",
      state: "busy",
      tags: ["gen9", "i386"],
      facts: { cpu: "i7-7700", memory: "8 GiB" },
      runId: "412",
    },
    {
      name: "kbl-2",
      agent: "rack-1",
      state: "quarantined",
      why: "3 infrastructure errors in a row: no boot in 5 min",
      tags: ["gen9"],
      errorsInARow: 3,
      check: "next check at 10:40",
    },
    { name: "bdw-1", agent: "rack-1", state: "ready", tags: ["gen8"] },
  ];
  standin.queue = {
    running: [
      {
        runId: "412",
        user: "drm-tip",
        what: "412 patched/i386-highmem functional",
        place: "kbl-1",
        since: "2026-11-28T09:00:00Z",
      },
    ],
    waiting: [
      {
        runId: "411",
        user: "anna",
        what: "411 baseline/i386-nohighmem performance",
        priority: "interactive",
        why: "waits for a machine with gen9: 2 exist, 1 busy, 1 quarantined",
        since: "2026-11-28T09:30:00Z",
      },
    ],
  };
  standin.schedules = [
    {
      name: "drm-tip",
      cron: "30 2 * * *",
      zone: "Europe/Helsinki",
      jobFile: "/srv/kiln/jobs/night.yaml",
      next: ["2026-11-29T02:30:00+02:00", "2026-11-30T02:30:00+02:00"],
      last: { state: "ended", runId: "412", headline: "Do not apply yet: 2 regressions" },
    },
  ];
  standin.known = [
    {
      filter: {
        id: "7",
        test: "igt@gem_mmap@*",
        config: "*-nohighmem",
        outcomes: ["fail"],
        reason: "fails since 6.1.150",
        link: "https://bugs.example.org/7",
        author: "anna",
        created: "2026-10-01T10:00:00Z",
        expires: "2027-01-31T23:59:59Z",
      },
      lastRun: "411",
      findings: 4,
      runsSince: 1,
    },
    {
      filter: {
        id: "8",
        signature: "warning: drm_mode*",
        reason: "old, harmless",
        link: "javascript:alert(1)",
        author: "bob",
        created: "2026-06-01T10:00:00Z",
      },
      proposeRemoval: true,
      runsSince: 60,
    },
  ];
  standin.tokens = [
    {
      id: "5qeosxux",
      user: "anna",
      role: "keeper",
      note: "review",
      created: "2026-11-01T10:00:00Z",
      createdBy: "local",
      lastUsed: "2026-11-28T09:00:00Z",
      state: "good",
    },
  ];
  return standin;
}

/** Tests x runs of a size that people have. */
export function bigGrid(tests: number, runs: number): Json {
  let x = 12345;
  const random = () => {
    x = (x * 1103515245 + 12345) % 2147483648;
    return x / 2147483648;
  };
  return {
    totalTests: tests,
    runs: Array.from({ length: runs }, (_, i) => ({
      id: String(1000 + i),
      jobName: "nightly",
      finished: new Date(Date.UTC(2026, 4, 1) + i * 86_400_000).toISOString().replace(".000", ""),
      resultsPlanned: 1000,
      resultsGot: 1000 - (i % 7),
    })),
    tests: Array.from({ length: tests }, (_, t) => {
      const broken = random() < 0.3 ? Math.floor(random() * runs) : runs;
      const flaky = random() < 0.2;
      const line = (half: number) =>
        Array.from({ length: runs }, (_, i) => {
          if (random() < 0.01) return "I";
          if (i >= broken && half === 0) return t % 9 === 0 ? "L" : "F";
          if (flaky && random() < 0.1) return "~";
          return t % 11 === 0 ? "S" : ".";
        }).join("");
      return {
        test: `igt@gem_history_${String(t).padStart(3, "0")}@case`,
        on: line(0),
        off: line(1),
        badBoots: t % 13,
        boots: runs * 2,
        rateLow: 0.01,
        rateHigh: 0.2,
      };
    }),
  };
}

export function someMetric(): Json {
  const points = Array.from({ length: 60 }, (_, i) => {
    const level = i < 40 ? 118 : 114;
    return ["i386-highmem", "i386-nohighmem"].map((config, c) => ({
      runId: String(1000 + i),
      time: new Date(Date.UTC(2026, 8, 1) + i * 86_400_000).toISOString().replace(".000", ""),
      boots: [0, 1, 2].map((b) => level - c * 9 + Math.sin(i * 3 + b) * 0.8),
      median: level - c * 9 + Math.sin(i * 3) * 0.5,
      config,
      variant: "baseline",
    }));
  }).flat();
  return {
    metrics: ["kmap/ns_per_map", "i915/pread/ns_per_page"],
    unit: "ns",
    points,
    changes: [{ beforeRun: "1039", afterRun: "1040", changePercent: -3.4, confidence: 0.99 }],
    noisePercent: 0.9,
  };
}
