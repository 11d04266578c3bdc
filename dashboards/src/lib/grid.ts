// The heat map of tests x runs. Pure.
import type { GridRun, GridTest } from "../gen/kiln/v1/history_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { highmemOf } from "./cells";
import { rateInterval } from "./plot";

export type Letter = "." | "F" | "~" | "S" | "L" | "I" | "K" | " ";

export const letterWords: Record<Letter, { glyph: string; word: string }> = {
  ".": { glyph: "·", word: "pass" },
  F: { glyph: "▼", word: "bad" },
  "~": { glyph: "≈", word: "bad in some boots" },
  S: { glyph: "/", word: "skip" },
  L: { glyph: "∅", word: "lost" },
  I: { glyph: "!", word: "infrastructure" },
  K: { glyph: "◇", word: "known" },
  " ": { glyph: "", word: "not planned" },
};

export function letterOf(text: string): Letter {
  return (Object.hasOwn(letterWords, text) ? text : " ") as Letter;
}

const bad = (outcome: string) => !["pass", "skip", "notrun"].includes(outcome);

export interface GridView {
  runs: Pick<GridRun, "id" | "jobName" | "finished" | "resultsPlanned" | "resultsGot">[];
  tests: Pick<GridTest, "test" | "on" | "off" | "badBoots" | "boots" | "rateLow" | "rateHigh">[];
}

function letter(outcomes: string[]): Letter {
  if (outcomes.length === 0) return " ";
  const worse = outcomes.filter(bad).length;
  if (outcomes.every((o) => o === "missing")) return "L";
  if (worse === outcomes.length) return "F";
  if (worse > 0) return "~";
  return outcomes.every((o) => o === "skip" || o === "notrun") ? "S" : ".";
}

/** From whole reports, for a controller that has no history of its own; runs oldest first. */
export function gridOfReports(reports: readonly RunReport[]): GridView {
  const sorted = [...reports].sort((a, b) => ((a.run?.id ?? 0n) < (b.run?.id ?? 0n) ? -1 : 1));
  const tests = new Map<string, { on: string[][]; off: string[][] }>();
  sorted.forEach((report, at) => {
    for (const session of report.sessions) {
      if (session.variant !== "patched" && session.variant !== "baseline") continue;
      if (session.variant === "baseline" && report.cells.some((c) => c.variant === "patched"))
        continue;
      const half = highmemOf(session.config) === "off" ? "off" : "on";
      for (const result of session.results) {
        let row = tests.get(result.test);
        if (!row) {
          row = { on: sorted.map(() => []), off: sorted.map(() => []) };
          tests.set(result.test, row);
        }
        row[half][at]!.push(result.outcome);
      }
    }
  });
  const rows = [...tests].map(([test, halves]) => {
    const all = [...halves.on, ...halves.off].flat();
    const worse = all.filter(bad).length;
    const [rateLow, rateHigh] = rateInterval(worse, all.length);
    return {
      test,
      on: halves.on.map(letter).join(""),
      off: halves.off.map(letter).join(""),
      badBoots: worse,
      boots: all.length,
      rateLow,
      rateHigh,
    };
  });
  return {
    runs: sorted.map((r) => ({
      id: r.run!.id,
      jobName: r.run!.jobName,
      finished: r.run!.finished,
      resultsPlanned: r.verdict?.resultsPlanned ?? 0,
      resultsGot: r.verdict?.resultsGot ?? 0,
    })),
    tests: rows.sort(
      (a, b) =>
        lastChange(b) - lastChange(a) || b.badBoots - a.badBoots || (a.test < b.test ? -1 : 1),
    ),
  };
}

/** The newest column whose letter differs from the planned one before it; -1 = never changed. */
export function lastChange(row: { on: string; off: string }): number {
  let newest = -1;
  for (const text of [row.on, row.off]) {
    let before = "";
    for (let i = 0; i < text.length; i += 1) {
      const c = text[i]!;
      if (c === " ") continue;
      if (before !== "" && c !== before) newest = Math.max(newest, i);
      before = c;
    }
  }
  return newest;
}

/** "igt@gem_pread@basic" -> "gem_pread": what rows are folded by. */
export function groupOf(test: string): string {
  const parts = test.split("@");
  return parts.length > 1 ? parts[1]! : test;
}
