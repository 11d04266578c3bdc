// A machine's sessions as spans of a line of time. Pure.

export interface Spell {
  id: bigint;
  begin: number; // ms
  end: number;
  how: "good" | "bad" | "now";
  words: string;
}

export interface Span extends Spell {
  left: number; // percent of the line
  width: number;
}

export interface Ending {
  ending: string; // "" while it goes on
}

export function howOf(session: Ending): Spell["how"] {
  if (session.ending === "") return "now";
  return session.ending === "infrastructure" ? "bad" : "good";
}

/** The newest `hours`, or what the spells cover when that is less. */
export function windowOf(spells: readonly Spell[], now: number, hours = 24): [number, number] {
  const first = Math.min(now, ...spells.map((s) => s.begin));
  return [Math.max(first, now - hours * 3_600_000), now];
}

/** Those that touch the window, cut at its edges; a short one stays wide enough to be seen. */
export function spansOf(
  spells: readonly Spell[],
  [from, to]: [number, number],
  least = 0.15,
): Span[] {
  const length = to - from;
  if (length <= 0) return [];
  const out: Span[] = [];
  for (const s of spells) {
    const begin = Math.max(s.begin, from);
    const end = Math.min(Math.max(s.end, s.begin), to);
    if (end < from || begin > to || end < begin) continue;
    const left = Math.min(((begin - from) / length) * 100, 100 - least);
    const width = Math.max(((end - begin) / length) * 100, least);
    out.push({ ...s, left, width: Math.min(width, 100 - left) });
  }
  return out;
}

/** Share of the window in which something ran; sessions of one machine never overlap. */
export function busyShare(spells: readonly Spell[], [from, to]: [number, number]): number {
  if (to <= from) return 0;
  let sum = 0;
  for (const s of spells) sum += Math.max(0, Math.min(s.end, to) - Math.max(s.begin, from));
  return Math.min(1, sum / (to - from));
}
