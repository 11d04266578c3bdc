// A window of a log: which lines are wanted, which are there. Pure.

export interface Window {
  first: number; // line numbers from 1
  lines: readonly string[];
  total: number;
  oldest?: number; // of a log that grows: what came before is not there yet
}

export const pageLines = 400;

/** The range to ask for first: the evidence with 12 lines above it, or the end. */
export function openAt(line: number | undefined): { first: number; lines: number } {
  if (!line) return { first: 0, lines: pageLines };
  return { first: Math.max(1, line - 12), lines: pageLines };
}

export function above(window: Window): { first: number; lines: number } | undefined {
  const oldest = window.oldest ?? 1;
  if (window.first <= oldest) return undefined;
  const first = Math.max(oldest, window.first - pageLines);
  return { first, lines: window.first - first };
}

export function below(window: Window): { first: number; lines: number } | undefined {
  const next = window.first + window.lines.length;
  return next > window.total ? undefined : { first: next, lines: pageLines };
}

/** Ranges that touch become one; at most `keep` lines stay, those far from the new ones go. */
export function join(a: Window, b: Window, keep = 4000): Window {
  if (a.lines.length === 0) return b;
  if (b.lines.length === 0) return { ...a, total: b.total };
  let joined: Window;
  if (b.first === a.first + a.lines.length)
    joined = { first: a.first, lines: [...a.lines, ...b.lines], total: b.total };
  else if (b.first + b.lines.length === a.first)
    joined = { first: b.first, lines: [...b.lines, ...a.lines], total: b.total };
  else return b;
  const over = joined.lines.length - keep;
  if (over <= 0) return joined;
  return b.first > a.first
    ? { first: joined.first + over, lines: joined.lines.slice(over), total: joined.total }
    : { first: joined.first, lines: joined.lines.slice(0, keep), total: joined.total };
}

export type LineClass = "" | "report" | "start" | "result";

/** What a line is, for its colour and for n/N. */
export function classOf(line: string): LineClass {
  if (
    /\b(BUG:|kernel BUG at|WARNING:|Oops|Kernel panic|general protection fault|INFO: task .* blocked|watchdog: BUG|UBSAN:|KASAN:|INFO: rcu)/.test(
      line,
    )
  )
    return "report";
  if (/Starting (dynamic )?subtest:|\[IGT\] .*: (starting|executing)/.test(line)) return "start";
  if (
    /(Dynamic subtest|Subtest) .*: (SUCCESS|FAIL|SKIP|CRASH|TIMEOUT)|\[IGT\] .*: exiting/.test(line)
  )
    return "result";
  return "";
}

/** Text cut where a search hits, for <mark>; plain words, without case. */
export function cut(text: string, needle: string): { text: string; hit: boolean }[] {
  if (!needle) return [{ text, hit: false }];
  const out: { text: string; hit: boolean }[] = [];
  const low = text.toLowerCase();
  const want = needle.toLowerCase();
  let at = 0;
  // toLowerCase may change lengths (İ); then no part is marked rather than a wrong one.
  if (low.length !== text.length) return [{ text, hit: false }];
  for (;;) {
    const found = low.indexOf(want, at);
    if (found < 0) break;
    if (found > at) out.push({ text: text.slice(at, found), hit: false });
    out.push({ text: text.slice(found, found + want.length), hit: true });
    at = found + want.length;
  }
  if (at < text.length) out.push({ text: text.slice(at), hit: false });
  return out.length ? out : [{ text, hit: false }];
}
