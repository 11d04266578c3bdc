// The matrix of a run: variant x config, with what each cell gave and what differs. Pure.
import type { Cell } from "../gen/kiln/v1/plan_pb";
import type { Finding, OutcomeCount, Session } from "../gen/kiln/v1/report_pb";
import { textOf } from "./format";

export type HighMem = "on" | "off" | "";

export function highmemOf(config: string): HighMem {
  if (/no-?highmem/.test(config)) return "off";
  return /highmem/.test(config) ? "on" : "";
}

/** "HIGHMEM on", or the config's own name where it does not say. */
export function configWords(config: string): string {
  const hm = highmemOf(config);
  return hm ? `HIGHMEM ${hm}` : config;
}

export interface OutcomePart {
  outcome: string;
  n: number;
}

export function sortedOutcomes(outcomes: Record<string, number>): OutcomePart[] {
  const rank = (o: string) => (o === "pass" ? 0 : o === "skip" ? 1 : o === "missing" ? 3 : 2);
  return Object.entries(outcomes)
    .map(([outcome, n]) => ({ outcome, n }))
    .sort(
      (a, b) => rank(a.outcome) - rank(b.outcome) || b.n - a.n || (a.outcome < b.outcome ? -1 : 1),
    );
}

export interface CellView {
  variant: string;
  config: string;
  outcomes: OutcomePart[];
  sameAs: string;
  findings: { class: string; n: number }[];
  sessions: number;
  live: string; // state of a session that goes on, "" = none
}

export interface Matrix {
  variants: string[];
  configs: string[];
  cell: (variant: string, config: string) => CellView;
}

const order = (variant: string) =>
  variant === "baseline"
    ? 0
    : variant === "patched"
      ? 1000
      : variant.startsWith("prefix-")
        ? 100 + Number(variant.slice(7))
        : 2000;

export interface MatrixInput {
  cells: readonly Pick<Cell, "variant" | "config" | "sameAs">[];
  outcomeCounts: readonly Pick<OutcomeCount, "variant" | "config" | "outcomes">[];
  findings: readonly Pick<Finding, "class" | "counts">[];
  sessions: readonly Pick<Session, "variant" | "config" | "ending">[];
}

export function matrixOf(report: MatrixInput): Matrix {
  const shown = report.cells.filter((c) => c.variant === "baseline" || c.variant === "patched");
  const variants = [...new Set(shown.map((c) => c.variant))].sort((a, b) => order(a) - order(b));
  const configs = [...new Set(shown.map((c) => c.config))];
  const cell = (variant: string, config: string): CellView => {
    const counts = report.outcomeCounts.find((c) => c.variant === variant && c.config === config);
    const own = report.cells.find((c) => c.variant === variant && c.config === config);
    const byClass = new Map<string, number>();
    if (variant !== "baseline")
      for (const finding of report.findings)
        if (
          finding.counts.some(
            (c) => c.variant === variant && c.config === config && isBadCount(c.outcomes),
          )
        )
          byClass.set(finding.class, (byClass.get(finding.class) ?? 0) + 1);
    const sessions = report.sessions.filter((s) => s.variant === variant && s.config === config);
    return {
      variant,
      config,
      outcomes: sortedOutcomes(counts?.outcomes ?? {}),
      sameAs: own?.sameAs ?? "",
      findings: [...byClass].map(([cls, n]) => ({ class: cls, n })),
      sessions: sessions.length,
      live: sessions.some((s) => s.ending === "") ? "running" : "",
    };
  };
  return { variants, configs, cell };
}

const fine = new Set(["pass", "skip", "clean", "notrun"]);

export function badOf(outcomes: Record<string, number>): { bad: number; boots: number } {
  let bad = 0;
  let boots = 0;
  for (const [outcome, n] of Object.entries(outcomes)) {
    boots += n;
    if (!fine.has(outcome)) bad += n;
  }
  return { bad, boots };
}

function isBadCount(outcomes: Record<string, number>): boolean {
  return badOf(outcomes).bad > 0;
}

export interface Square {
  hm: HighMem;
  config: string;
  base?: { bad: number; boots: number };
  patched?: { bad: number; boots: number };
}

/** The 2x2 of a finding: per config, how often it was bad without and with the series. */
export function squaresOf(finding: Pick<Finding, "counts">): Square[] {
  const configs = [...new Set(finding.counts.map((c) => c.config))];
  const rank = (hm: HighMem) => (hm === "on" ? 0 : hm === "off" ? 1 : 2);
  return configs
    .map((config) => {
      const of = (variant: string) => {
        const found = finding.counts.find((c) => c.config === config && c.variant === variant);
        return found ? badOf(found.outcomes) : undefined;
      };
      return { hm: highmemOf(config), config, base: of("baseline"), patched: of("patched") };
    })
    .sort((a, b) => rank(a.hm) - rank(b.hm) || (a.config < b.config ? -1 : 1));
}

export function squareState(square: Square): "bad" | "same" | "fixed" | "ok" | "none" {
  const rate = (x?: { bad: number; boots: number }) =>
    x && x.boots > 0 ? x.bad / x.boots : undefined;
  const base = rate(square.base);
  const patched = rate(square.patched);
  if (patched === undefined && base === undefined) return "none";
  if ((patched ?? 0) > 0) return (base ?? 0) >= (patched ?? 0) ? "same" : "bad";
  return (base ?? 0) > 0 ? "fixed" : "ok";
}

export function squareWords(square: Square): string {
  const side = (x?: { bad: number; boots: number }) => (x ? `${x.bad}/${x.boots}` : "–");
  return `${configWords(square.config)}: baseline ${side(square.base)}, patched ${side(square.patched)} bad`;
}

/** The first log line that the evidence names: "session 12: console line 1204". */
export function evidenceOf(
  evidence: readonly string[],
): { session: bigint; line?: number } | undefined {
  for (const text of evidence) {
    const session = /^session (\d{1,18})\b/.exec(text);
    if (!session) continue;
    const line = /\b(?:console )?line (\d{1,12})\b/.exec(text);
    return { session: BigInt(session[1]!), line: line ? Number(line[1]) : undefined };
  }
  return undefined;
}

/** What a kernel report says, without its time and the lines that are only a frame. */
export function causeOf(reports: readonly { title: string; text: Uint8Array }[]): string {
  const bare = (line: string) => line.replace(/^(<\d+>)?\s*(\[\s*[\d.]+\])?\s*/, "").trim();
  const empty = (line: string) => line === "" || /\[ cut here \]|^-+$/.test(line);
  for (const report of reports) {
    if (!empty(bare(report.title))) return bare(report.title);
    for (const line of textOf(report.text).split("\n", 20))
      if (!empty(bare(line))) return bare(line);
  }
  return reports[0] ? bare(reports[0].title) : "";
}
