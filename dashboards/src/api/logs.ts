// A log by ranges of lines; from a controller without ranges the first 2 MB, once.

import { textOf } from "../lib/format";
import type { Window } from "../lib/loglines";
import { api, isMissing } from "./client";

export interface LogName {
  run: bigint;
  session: bigint;
  what: string;
}

export interface Hit {
  line: number;
  text: string;
}

export interface Hits {
  hits: Hit[];
  total: number;
  all: boolean;
}

const most = 2 * 1024 * 1024;
let whole: { key: string; lines: string[]; cut: boolean } | undefined;
let ranged = true;

async function readWhole(log: LogName, signal: AbortSignal) {
  const key = `${log.run}/${log.session}/${log.what}`;
  if (whole?.key === key) return whole;
  const parts: Uint8Array[] = [];
  let size = 0;
  let cut = false;
  for await (const chunk of api.lab.getLog(
    { runId: log.run, sessionId: log.session, what: log.what },
    { signal },
  )) {
    parts.push(chunk.data);
    size += chunk.data.length;
    if (size >= most) {
      cut = true;
      break;
    }
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  const lines = textOf(all).split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  whole = { key, lines, cut };
  return whole;
}

export interface Piece extends Window {
  bytes: number;
  growing: boolean; // its session goes on
  cut: boolean; // the controller cannot send more of it
}

export async function readLog(
  log: LogName,
  first: number,
  lines: number,
  signal: AbortSignal,
): Promise<Piece> {
  if (ranged) {
    try {
      const reply = await api.logs.readLog(
        { runId: log.run, sessionId: log.session, what: log.what, firstLine: BigInt(first), lines },
        { signal },
      );
      return {
        first: Number(reply.firstLine),
        lines: reply.lines.map((l) => textOf(l)),
        total: Number(reply.totalLines),
        bytes: Number(reply.totalBytes),
        growing: reply.growing,
        oldest: Number(reply.oldestLine) || 1,
        cut: false,
      };
    } catch (error) {
      if (!isMissing(error)) throw error;
      ranged = false;
    }
  }
  const { lines: all, cut } = await readWhole(log, signal);
  const from =
    first === 0 ? Math.max(1, all.length - lines + 1) : Math.min(first, Math.max(1, all.length));
  return {
    first: from,
    lines: all.slice(from - 1, from - 1 + lines),
    total: all.length,
    bytes: 0,
    growing: false,
    oldest: 1,
    cut,
  };
}

export async function searchLog(
  log: LogName,
  text: string,
  expression: boolean,
  signal: AbortSignal,
): Promise<Hits> {
  if (ranged) {
    try {
      const reply = await api.logs.searchLog(
        { runId: log.run, sessionId: log.session, what: log.what, text, expression, limit: 500 },
        { signal },
      );
      return {
        hits: reply.hits.map((h) => ({ line: Number(h.line), text: textOf(h.text) })),
        total: Number(reply.total),
        all: reply.countedAll,
      };
    } catch (error) {
      if (!isMissing(error)) throw error;
      ranged = false;
    }
  }
  const { lines, cut } = await readWhole(log, signal);
  const want = text.toLowerCase();
  const hits = lines.flatMap((line, i) =>
    line.toLowerCase().includes(want) ? [{ line: i + 1, text: line }] : [],
  );
  return { hits: hits.slice(0, 500), total: hits.length, all: !cut };
}
