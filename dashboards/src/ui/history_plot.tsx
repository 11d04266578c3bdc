// A metric's history with uPlot; it has no names and no keys of its own, so the figure brings them.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { highmemOf } from "../lib/cells";
import { number } from "../lib/format";
import { columns, type Point, type Series } from "../lib/metrics";

function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.setProperty("color", `var(${name})`);
  document.body.append(probe);
  const out = getComputedStyle(probe).color;
  probe.remove();
  return out;
}

export default function HistoryPlot({
  series,
  noise,
  unit,
}: {
  series: Series[];
  noise: number;
  unit: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const ink = colour("--ink");
    const soft = colour("--soft");
    const line = colour("--line");
    const better = colour("--better");
    const attention = colour("--attention-edge");
    const shades = [ink, better, attention, soft];
    const boots = (u: uPlot) => {
      const g = u.ctx;
      g.save();
      g.globalAlpha = 0.35;
      series.forEach((s, i) => {
        if (!u.series[i + 1]?.show) return;
        g.fillStyle = shades[i % shades.length]!;
        for (const p of s.points as Point[])
          for (const value of p.boots) {
            const x = u.valToPos(p.time, "x", true);
            const y = u.valToPos(value, "y", true);
            g.beginPath();
            g.arc(x, y, 2, 0, 7);
            g.fill();
          }
      });
      g.restore();
      if (noise > 0 && series[0] && series[0].points.length > 0) {
        const mid = series[0].points[series[0].points.length - 1]!.median;
        const a = u.valToPos(mid * (1 + noise / 100), "y", true);
        const b = u.valToPos(mid * (1 - noise / 100), "y", true);
        g.save();
        g.globalAlpha = 0.12;
        g.fillStyle = soft;
        g.fillRect(u.bbox.left, a, u.bbox.width, b - a);
        g.restore();
      }
    };
    const make = () =>
      new uPlot(
        {
          width: Math.max(240, el.clientWidth),
          height: 260,
          cursor: { drag: { x: true, y: false } },
          legend: { live: false },
          scales: { y: { range: (_u, low, high) => span(series, low, high) } },
          axes: [
            {
              stroke: soft,
              grid: { stroke: line, width: 1 },
              ticks: { stroke: line },
              values: (_u, at) => at.map((t) => dayOf(t, at)),
            },
            {
              stroke: soft,
              grid: { stroke: line, width: 1 },
              ticks: { stroke: line },
              size: 70,
              values: (_u, values) => values.map((v) => number(v)),
              label: unit,
              labelSize: 18,
            },
          ],
          series: [
            {},
            ...series.map((s, i) => ({
              label: s.label,
              stroke: shades[i % shades.length]!,
              width: 1.5,
              // HIGHMEM on is drawn through, off dashed: not told by colour alone.
              dash: highmemOf(s.config) === "off" ? [5, 4] : undefined,
              points: { show: true, size: 6 },
              spanGaps: false,
            })),
          ],
          hooks: { draw: [boots] },
        },
        columns(series) as uPlot.AlignedData,
        el,
      );
    let plot = make();
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(240, el.clientWidth), height: 260 }),
    );
    observer.observe(el);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const again = () => {
      plot.destroy();
      plot = make();
    };
    dark.addEventListener("change", again);
    return () => {
      dark.removeEventListener("change", again);
      observer.disconnect();
      plot.destroy();
    };
  }, [series, noise, unit]);
  return <div ref={box} class="history-plot" aria-hidden="true" />;
}

/** "2 Sep"; where the ticks lie closer than days the time, and the day where it begins. */
function dayOf(seconds: number, all: number[]): string {
  const day = (t: number) =>
    new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" }).format(t * 1000);
  if (all.length < 2 || all[1]! - all[0]! >= 86_400) return day(seconds);
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(
    seconds * 1000,
  );
  const before = all[all.indexOf(seconds) - 1];
  return before === undefined || day(before) !== day(seconds) ? `${time}\n${day(seconds)}` : time;
}

function span(series: Series[], low: number, high: number): [number, number] {
  let a = low;
  let b = high;
  for (const s of series)
    for (const p of s.points) for (const v of p.boots) [a, b] = [Math.min(a, v), Math.max(b, v)];
  const pad = (b - a || Math.abs(b) || 1) * 0.08;
  return [a - pad, b + pad];
}
