// Review: which findings need a person, in which order, and where the focus goes. Pure.
import type { FindingRow } from "../gen/kiln/v1/findings_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { configWords, squareState, squaresOf } from "./cells";
import type { Row } from "./filter";
import { needsPerson, urgencyOf } from "./marks";

export const filterKeys = [
  "class",
  "config",
  "test",
  "job",
  "run",
  "machine",
  "owner",
  "patch",
] as const;

export function keyOf(row: { runId: bigint; finding?: { id: string } }): string {
  return `${row.runId}/${row.finding?.id ?? ""}`;
}

export function filterRow(row: FindingRow): Row {
  const f = row.finding;
  return {
    class: f?.class ?? "",
    config: [...new Set((f?.counts ?? []).flatMap((c) => [c.config, configWords(c.config)]))],
    test: f ? [f.test, ...f.also] : [],
    job: row.jobName,
    run: String(row.runId),
    machine: row.machine,
    owner: row.owner,
    patch: f?.patch ?? "",
    summary: f?.summary ?? "",
  };
}

export interface Group {
  run: bigint;
  title: string;
  job: string;
  schedule: string;
  rows: FindingRow[];
}

export function isOpen(row: FindingRow): boolean {
  return row.state === "" || row.state === "open";
}

/** Newest run first; in a run what must be acted on first, then by confidence and how far it spreads. */
export function groups(rows: readonly FindingRow[]): Group[] {
  const byRun = new Map<bigint, Group>();
  for (const row of rows) {
    let group = byRun.get(row.runId);
    if (!group) {
      group = {
        run: row.runId,
        title: row.title,
        job: row.jobName,
        schedule: row.schedule,
        rows: [],
      };
      byRun.set(row.runId, group);
    }
    group.rows.push(row);
  }
  const out = [...byRun.values()].sort((a, b) => (a.run > b.run ? -1 : a.run < b.run ? 1 : 0));
  for (const group of out)
    group.rows.sort(
      (a, b) =>
        urgencyOf(a.finding?.class ?? "") - urgencyOf(b.finding?.class ?? "") ||
        weight(b) - weight(a) ||
        ((a.finding?.id ?? "") < (b.finding?.id ?? "") ? -1 : 1),
    );
  return out;
}

function weight(row: FindingRow): number {
  const f = row.finding;
  if (!f) return 0;
  return (
    (f.confidence || 0.5) *
    (1 + f.also.length + squaresOf(f).filter((s) => squareState(s) === "bad").length)
  );
}

export interface Split {
  open: FindingRow[];
  quiet: FindingRow[]; // known, not the series, infrastructure: folded away, never counted
  decided: FindingRow[];
}

export function split(rows: readonly FindingRow[]): Split {
  const out: Split = { open: [], quiet: [], decided: [] };
  for (const row of rows) {
    if (!isOpen(row)) out.decided.push(row);
    else if (needsPerson(row.finding?.class ?? "")) out.open.push(row);
    else out.quiet.push(row);
  }
  return out;
}

/** Where the focus goes after a decision: the next undecided below, else the last above, else nothing. */
export function afterDecision(
  order: readonly string[],
  decided: ReadonlySet<string>,
  at: string,
): string {
  const from = order.indexOf(at);
  for (let i = from + 1; i < order.length; i += 1) if (!decided.has(order[i]!)) return order[i]!;
  for (let i = from - 1; i >= 0; i -= 1) if (!decided.has(order[i]!)) return order[i]!;
  return "";
}

export function step(order: readonly string[], at: string, by: number): string {
  if (order.length === 0) return "";
  const from = order.indexOf(at);
  if (from < 0) return by > 0 ? order[0]! : order[order.length - 1]!;
  return order[Math.min(order.length - 1, Math.max(0, from + by))]!;
}

/** "5/5 vs 0/5" of the config in which it is worst. */
export function worstCounts(row: FindingRow): string {
  const squares = row.finding ? squaresOf(row.finding) : [];
  const bad =
    squares.find((s) => squareState(s) === "bad") ?? squares.find((s) => squareState(s) !== "none");
  if (!bad) return "";
  const side = (x?: { bad: number; boots: number }) => (x ? `${x.bad}/${x.boots}` : "–");
  return `${side(bad.patched)} vs ${side(bad.base)}`;
}

export function confidenceWords(confidence: number): string {
  if (!(confidence > 0)) return "";
  // Never "100 %": that is no statistics.
  const percent = Math.min(confidence * 100, 99.99);
  return `${percent >= 99.9 ? percent.toFixed(2) : percent.toFixed(1)} %`;
}

/** Rows out of whole reports, for a controller that does not list findings itself. */
export function rowsOfReport(
  report: RunReport,
  make: (row: Partial<FindingRow>) => FindingRow,
): FindingRow[] {
  const run = report.run;
  if (!run) return [];
  return report.findings.map((finding) =>
    make({
      runId: run.id,
      finding,
      jobName: run.jobName,
      title: run.title || report.series?.title || run.jobName,
      machine: run.machine.split(" ")[0] ?? "",
      schedule: report.lastGoodNight?.schedule ?? "",
      finished: run.finished,
      state: finding.class === "known" ? "known" : "open",
      timesSeen: 1,
    }),
  );
}

/** What the tab's title says: the number that waits. */
export function titleOf(open: number): string {
  return open > 0 ? `▼${open} Review` : "Review";
}

/** A known issue that covers this finding and no more than it: prefilled for the form. */
export function filterFor(row: FindingRow): {
  test: string;
  config: string;
  signature: string;
  outcomes: string[];
} {
  const f = row.finding;
  if (!f) return { test: "", config: "", signature: "", outcomes: [] };
  const configs = [
    ...new Set(f.counts.filter((c) => bad(c.outcomes).length > 0).map((c) => c.config)),
  ];
  const all = [...new Set(f.counts.map((c) => c.config))];
  const signature = f.kernel.find((k) => k.signature !== "")?.signature ?? "";
  const outcomes = [...new Set(f.counts.flatMap((c) => bad(c.outcomes)))].filter(
    (o) => o !== "report",
  );
  return {
    test: f.test,
    config: configs.length === 1 && all.length > 1 ? configs[0]! : "",
    signature,
    outcomes: f.test ? outcomes : [],
  };
}

function bad(outcomes: Record<string, number>): string[] {
  return Object.keys(outcomes).filter(
    (o) => !["pass", "skip", "clean", "notrun"].includes(o) && outcomes[o]! > 0,
  );
}
