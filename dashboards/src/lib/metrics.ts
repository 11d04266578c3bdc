// A metric over the runs. Pure.
import type { MetricChange } from "../gen/kiln/v1/history_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { median } from "./plot";

export interface Point {
  run: bigint;
  time: number; // seconds since 1970
  boots: number[];
  median: number;
  config: string;
  variant: string;
}

export interface MetricView {
  metrics: string[];
  unit: string;
  points: Point[];
  changes: Pick<MetricChange, "beforeRun" | "afterRun" | "changePercent" | "confidence">[];
  noise: number;
}

export function metricsOfReports(reports: readonly RunReport[], metric: string): MetricView {
  const names = new Set<string>();
  const points: Point[] = [];
  let unit = "";
  let noise = 0;
  for (const report of reports) {
    if (!report.run) continue;
    const time = Number(report.run.finished?.seconds ?? report.run.started?.seconds ?? 0n);
    for (const c of report.comparisons) {
      names.add(c.metric);
      if (c.metric !== metric) continue;
      unit = c.unit;
      const counted = c.pairs.filter((p) => !p.excluded);
      for (const [variant, boots] of [
        [c.left, counted.map((p) => p.left)],
        [c.right, counted.map((p) => p.right)],
      ] as [string, number[]][])
        if (boots.length > 0)
          points.push({
            run: report.run.id,
            time,
            boots,
            median: median(boots),
            config: c.config,
            variant,
          });
    }
    for (const n of report.noise) if (n.sdPercent > noise) noise = n.sdPercent;
  }
  points.sort((a, b) => a.time - b.time || (a.run < b.run ? -1 : 1));
  return { metrics: [...names].sort(), unit, points, changes: [], noise };
}

export interface Series {
  label: string;
  config: string;
  variant: string;
  points: Point[];
}

export function seriesOf(points: readonly Point[]): Series[] {
  const out = new Map<string, Series>();
  for (const p of points) {
    const label = `${p.variant}, ${p.config}`;
    let one = out.get(label);
    if (!one) {
      one = { label, config: p.config, variant: p.variant, points: [] };
      out.set(label, one);
    }
    one.points.push(p);
  }
  return [...out.values()].sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** The plot's columns: times ascending, a median or a gap for each series. */
export function columns(series: readonly Series[]): (number | null)[][] {
  const times = [...new Set(series.flatMap((s) => s.points.map((p) => p.time)))].sort(
    (a, b) => a - b,
  );
  const at = new Map(times.map((t, i) => [t, i]));
  const out: (number | null)[][] = [times];
  for (const s of series) {
    const column: (number | null)[] = times.map(() => null);
    for (const p of s.points) column[at.get(p.time)!] = p.median;
    out.push(column);
  }
  return out;
}

/** One sentence that says what the plot shows. */
export function historySentence(metric: string, unit: string, series: readonly Series[]): string {
  const runs = new Set(series.flatMap((s) => s.points.map((p) => p.run))).size;
  const parts = series.map((s) => {
    const first = s.points[0]!.median;
    const last = s.points[s.points.length - 1]!.median;
    const change = first > 0 ? (last / first - 1) * 100 : undefined;
    return `${s.label} ${change === undefined || s.points.length < 2 ? "one value" : `${change >= 0 ? "+" : ""}${change.toFixed(1)} %`}`;
  });
  return `${metric} in ${unit || "its unit"} over ${runs} ${runs === 1 ? "run" : "runs"}: ${parts.join("; ")}`;
}
