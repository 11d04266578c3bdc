// Scales and places for the plots that are our own SVG. Pure.

export interface Scale {
  low: number;
  high: number;
  at: (value: number) => number; // in the plot's units, clamped to its ends
}

export function scale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1;
  return {
    low,
    high,
    at: (v) => {
      const part = Math.min(1, Math.max(0, (v - low) / span));
      return from + part * (to - from);
    },
  };
}

/** 3 to 7 round numbers inside of [low, high]. */
export function ticks(low: number, high: number): number[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [];
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => (high - low) / s <= 6) ?? power * 10;
  const out: number[] = [];
  const first = Math.ceil(low / step - 1e-9);
  for (let i = first; i * step <= high + step * 1e-9; i += 1)
    out.push(Number((i * step).toPrecision(12)));
  return out;
}

export interface Shown {
  changePercent: number;
  ciLowPercent: number;
  ciHighPercent: number;
  marginPercent: number;
}

/** One scale for all metrics of a panel: holds every interval and margin, never absurdly wide. */
export function commonRange(rows: readonly Shown[]): { low: number; high: number } {
  let reach = 1;
  for (const row of rows)
    for (const v of [
      row.ciLowPercent,
      row.ciHighPercent,
      row.changePercent,
      row.marginPercent,
      -row.marginPercent,
    ])
      if (Number.isFinite(v)) reach = Math.max(reach, Math.abs(v));
  reach = Math.min(reach, 120);
  return { low: -reach * 1.08, high: reach * 1.08 };
}

/** Change of one pair in percent; undefined when a side is no positive number. */
export function pairChange(left: number, right: number): number | undefined {
  if (!(left > 0) || !Number.isFinite(right)) return undefined;
  return (right / left - 1) * 100;
}

/** The effect against what the machine makes of nothing: larger first. */
export function byEffect<T extends Shown & { decides: boolean; answer: string }>(
  rows: readonly T[],
): T[] {
  const rank = (r: T) =>
    (r.decides ? 0 : 10) +
    (r.answer === "slower"
      ? 0
      : r.answer === "faster" || r.answer === "changed"
        ? 1
        : r.answer === "inconclusive"
          ? 2
          : 3);
  return [...rows].sort(
    (a, b) => rank(a) - rank(b) || Math.abs(b.changePercent) - Math.abs(a.changePercent),
  );
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 ? sorted[mid]! : (sorted[mid - 1]! + sorted[mid]!) / 2;
}

/** 95 % interval of a rate (Wilson). */
export function rateInterval(bad: number, all: number): [number, number] {
  if (all === 0) return [0, 1];
  const z = 1.959964;
  const p = bad / all;
  const d = 1 + (z * z) / all;
  const mid = p + (z * z) / (2 * all);
  const off = z * Math.sqrt((p * (1 - p)) / all + (z * z) / (4 * all * all));
  return [Math.max(0, (mid - off) / d), Math.min(1, (mid + off) / d)];
}
