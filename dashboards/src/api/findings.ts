// Findings over all runs: from the controller, or out of its newest reports where it has no such list.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { signal } from "@preact/signals";
import { type FindingRow, FindingRowSchema } from "../gen/kiln/v1/findings_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { causeOf } from "../lib/cells";
import { keyOf, rowsOfReport } from "../lib/inbox";
import { api, isMissing, problem } from "./client";

export interface Inbox {
  rows: FindingRow[];
  left: number; // that wait, too, but are older than what was asked for
  stores: boolean; // the controller keeps decisions
  runs: number; // looked at, where the rows come out of reports
}

const newestRuns = 20;

export async function newestReports(
  n: number,
  signal: AbortSignal,
  withoutSessions = false,
): Promise<RunReport[]> {
  const { runs } = await api.lab.listRuns({ limit: n }, { signal });
  const out: RunReport[] = [];
  // Few at a time: reports are large, and another call must find its way in between.
  const ids = runs.filter((r) => r.run && r.run.state !== "running").map((r) => r.run!.id);
  const worker = async () => {
    for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
      try {
        out.push(await api.lab.getReport({ runId: id, withoutSessions }, { signal }));
      } catch (error) {
        // One that was cleared away meanwhile must not hide the others.
        if (signal.aborted) throw error;
      }
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  return out;
}

const mostOpen = 500;
const newest = 200;

/** All that waits, and the newest of the rest: what was decided, what is nobody's news. */
export async function inbox(signal: AbortSignal): Promise<Inbox> {
  try {
    const [open, all] = await Promise.all([
      api.findings.listFindings({ state: "open", limit: mostOpen }, { signal }),
      api.findings.listFindings({ state: "all", limit: newest }, { signal }),
    ]);
    const waits = new Set(open.findings.map(keyOf));
    return {
      rows: [...open.findings, ...all.findings.filter((row) => !waits.has(keyOf(row)))],
      left: Math.max(0, open.total - open.findings.length),
      stores: true,
      runs: 0,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const reports = await newestReports(newestRuns, signal);
  const rows = reports.flatMap((report) =>
    rowsOfReport(report, (row) => create(FindingRowSchema, row as never)),
  );
  return { rows, left: 0, stores: false, runs: reports.length };
}

/** Decisions that were just made and the list does not know yet. */
export const overlay = signal<ReadonlyMap<string, string>>(new Map());

export function overlaid(keys: readonly string[], state: string | undefined) {
  const next = new Map(overlay.value);
  for (const key of keys) {
    if (state === undefined) next.delete(key);
    else next.set(key, state);
  }
  overlay.value = next;
}

export interface Done {
  says: string;
  undo: () => Promise<void>;
}

const refs = (rows: readonly FindingRow[]) =>
  rows.map((r) => ({ runId: r.runId, finding: r.finding?.id ?? "" }));

/** One request for all rows; throws what it could not do, and then nothing is changed. */
export async function decide(
  rows: readonly FindingRow[],
  action: "dismiss" | "snooze" | "assign" | "seen" | "reopen",
  more: { reason?: string; owner?: string; until?: Date } = {},
): Promise<Done> {
  const keys = rows.map(keyOf);
  const hides = action === "dismiss" || action === "snooze";
  if (hides) overlaid(keys, action === "dismiss" ? "dismissed" : "snoozed");
  try {
    const reply = await api.findings.decideFindings({
      findings: refs(rows),
      action,
      reason: more.reason ?? "",
      owner: more.owner ?? "",
      until: more.until ? timestampFromDate(more.until) : undefined,
      requestId: crypto.randomUUID(),
    });
    const id = reply.decision?.id ?? 0n;
    return {
      says: said(action, rows, more.owner),
      undo: async () => {
        await api.findings.undoDecision({ id });
        overlaid(keys, undefined);
      },
    };
  } catch (error) {
    if (hides) overlaid(keys, undefined);
    throw problem(error);
  }
}

function said(action: string, rows: readonly FindingRow[], owner?: string): string {
  const what = rows.length === 1 ? nameOf(rows[0]!) : `${rows.length} findings`;
  if (action === "dismiss") return `Dismissed: ${what}`;
  if (action === "snooze") return `Snoozed: ${what}`;
  if (action === "reopen") return `Open again: ${what}`;
  if (action === "assign") return owner ? `${what}: ${owner}'s` : `${what}: nobody's`;
  return what;
}

export function nameOf(row: FindingRow): string {
  const f = row.finding;
  return f?.test || causeOf(f?.kernel ?? []) || `${row.runId}/${f?.id ?? ""}`;
}
