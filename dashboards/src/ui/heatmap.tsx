// Tests x runs: canvas for the cells, real text for the names; arrows move a cursor that speaks.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { dateOf, shortTest, shortTime } from "../lib/format";
import { type GridView, letterOf, letterWords } from "../lib/grid";
import { to } from "../lib/route";
import { navigate } from "./shell";

const rowHeight = 20;
const cell = 14;

function colours() {
  const style = getComputedStyle(document.documentElement);
  // light-dark() is resolved only for real properties: a probe tells the colours in force.
  const probe = document.createElement("span");
  document.body.append(probe);
  const of = (name: string) => {
    probe.style.setProperty("color", `var(${name})`);
    return getComputedStyle(probe).color;
  };
  const out = {
    worse: of("--worse"),
    attention: of("--attention"),
    quiet: of("--quiet"),
    ink: of("--ink"),
    soft: of("--soft"),
    line: of("--line"),
    paper: of("--paper"),
    focus: of("--focus"),
  };
  probe.remove();
  void style;
  return out;
}

type Colours = ReturnType<typeof colours>;

function drawHalf(
  g: CanvasRenderingContext2D,
  letter: string,
  x: number,
  y: number,
  w: number,
  h: number,
  c: Colours,
) {
  switch (letterOf(letter)) {
    case "F":
      g.fillStyle = c.worse;
      g.fillRect(x, y, w, h);
      break;
    case "~":
      g.fillStyle = c.attention;
      g.fillRect(x, y, w, h);
      g.fillStyle = c.ink;
      g.fillRect(x + 2, y + h / 2 - 1, w - 4, 1);
      break;
    case "L":
      g.strokeStyle = c.attention;
      g.lineWidth = 2;
      for (let i = 0; i < w; i += 4) {
        g.beginPath();
        g.moveTo(x + i, y + h);
        g.lineTo(x + Math.min(w, i + h), y + Math.max(0, h - (w - i)));
        g.stroke();
      }
      g.strokeStyle = c.ink;
      g.lineWidth = 1;
      g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
      break;
    case "S":
      g.strokeStyle = c.quiet;
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x + 2, y + h - 1);
      g.lineTo(x + w - 2, y + 1);
      g.stroke();
      break;
    case "I":
      g.strokeStyle = c.soft;
      g.setLineDash([2, 2]);
      g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
      g.setLineDash([]);
      break;
    case "K":
      g.strokeStyle = c.quiet;
      g.strokeRect(x + w / 2 - 2.5, y + h / 2 - 2.5, 5, 5);
      break;
    case " ":
      g.fillStyle = c.quiet;
      g.fillRect(x + w / 2 - 0.5, y + h / 2 - 0.5, 1, 1);
      break;
    default:
      break;
  }
}

export function HeatMap({ grid }: { grid: GridView }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const top = useSignal(0);
  const height = useSignal(400);
  const at = useSignal({ row: -1, column: -1 });
  // Narrow windows give the names less, and the cells more.
  const wide = useSignal(300);
  const names = wide.value;
  const frame = useRef(0);

  const draw = () => {
    frame.current = 0;
    const el = box.current;
    const cv = canvas.current;
    if (!el || !cv) return;
    const w = Math.max(1, el.clientWidth - wide.value);
    const h = el.clientHeight;
    const scale = window.devicePixelRatio || 1;
    if (cv.width !== Math.round(w * scale) || cv.height !== Math.round(h * scale)) {
      cv.width = Math.round(w * scale);
      cv.height = Math.round(h * scale);
      cv.style.setProperty("width", `${w}px`);
      cv.style.setProperty("height", `${h}px`);
    }
    const g = cv.getContext("2d");
    if (!g) return;
    const c = colours();
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, w, h);
    const firstRow = Math.max(0, Math.floor(el.scrollTop / rowHeight));
    const lastRow = Math.min(grid.tests.length, Math.ceil((el.scrollTop + h) / rowHeight));
    const firstColumn = Math.max(0, Math.floor(el.scrollLeft / cell));
    const lastColumn = Math.min(grid.runs.length, Math.ceil((el.scrollLeft + w) / cell));
    const half = (rowHeight - 4) / 2;
    for (let r = firstRow; r < lastRow; r += 1) {
      const test = grid.tests[r]!;
      const y = r * rowHeight - el.scrollTop;
      g.fillStyle = c.line;
      g.fillRect(0, y + rowHeight - 1, w, 1);
      for (let col = firstColumn; col < lastColumn; col += 1) {
        const x = col * cell - el.scrollLeft;
        drawHalf(g, test.on[col] ?? " ", x + 1, y + 1, cell - 2, half, c);
        drawHalf(g, test.off[col] ?? " ", x + 1, y + 2 + half, cell - 2, half, c);
      }
    }
    const { row, column } = at.value;
    if (row >= 0 && column >= 0) {
      g.strokeStyle = c.focus;
      g.lineWidth = 2;
      g.strokeRect(
        column * cell - el.scrollLeft,
        row * rowHeight - el.scrollTop,
        cell,
        rowHeight - 1,
      );
    }
  };
  const later = () => {
    if (!frame.current) frame.current = requestAnimationFrame(draw);
  };
  useLayoutEffect(() => {
    const el = box.current!;
    el.scrollLeft = el.scrollWidth; // the newest run is what matters
    height.value = el.clientHeight;
    wide.value = el.clientWidth < 640 ? 130 : 300;
    later();
    const observer = new ResizeObserver(() => {
      wide.value = el.clientWidth < 640 ? 130 : 300;
      height.value = el.clientHeight;
      later();
    });
    observer.observe(el);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [grid]);
  useEffect(later, [at.value, names]);

  const first = Math.max(0, Math.floor(top.value / rowHeight) - 4);
  const last = Math.min(grid.tests.length, Math.ceil((top.value + height.value) / rowHeight) + 4);
  const words = (row: number, column: number) => {
    const test = grid.tests[row];
    const run = grid.runs[column];
    if (!test || !run) return "";
    const when = dateOf(run.finished);
    return `${shortTest(test.test)} in run ${run.id}${when ? `, ${shortTime(when, new Date())}` : ""}: HIGHMEM on ${letterWords[letterOf(test.on[column] ?? " ")].word}, off ${letterWords[letterOf(test.off[column] ?? " ")].word}; ${run.resultsGot} of ${run.resultsPlanned} results came`;
  };
  const move = (dr: number, dc: number) => {
    const row = Math.min(grid.tests.length - 1, Math.max(0, Math.max(at.value.row, 0) + dr));
    const column = Math.min(
      grid.runs.length - 1,
      Math.max(0, (at.value.column < 0 ? grid.runs.length - 1 : at.value.column) + dc),
    );
    at.value = { row, column };
    const el = box.current!;
    const y = row * rowHeight;
    if (y < el.scrollTop) el.scrollTop = y;
    else if (y + rowHeight > el.scrollTop + el.clientHeight)
      el.scrollTop = y + rowHeight - el.clientHeight;
    const x = column * cell;
    const w = el.clientWidth - names;
    if (x < el.scrollLeft) el.scrollLeft = x;
    else if (x + cell > el.scrollLeft + w) el.scrollLeft = x + cell - w;
  };
  return (
    <>
      <p class="soft heat-said" role="status">
        {at.value.row >= 0
          ? words(at.value.row, at.value.column)
          : "Arrows move over the cells; Enter opens the run, o the test."}
      </p>
      <div
        ref={box}
        class="heat"
        style={{ height: `${grid.tests.length * rowHeight + 20}px` }}
        tabIndex={0}
        role="group"
        aria-label={`${grid.tests.length} tests in ${grid.runs.length} runs, the last changed first; upper half of a cell with HIGHMEM, lower without`}
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
          later();
        }}
        onKeyDown={(event) => {
          const step = {
            ArrowUp: [-1, 0],
            ArrowDown: [1, 0],
            ArrowLeft: [0, -1],
            ArrowRight: [0, 1],
          }[event.key];
          if (step) {
            event.preventDefault();
            move(step[0]!, step[1]!);
          } else if (event.key === "Enter" && event.target === event.currentTarget) {
            const run = grid.runs[at.value.column];
            if (run) navigate(to.run(run.id));
          } else if (event.key === "o") {
            const test = grid.tests[at.value.row];
            if (test) navigate(to.test(test.test));
          }
        }}
        onMouseMove={(event) => {
          const el = box.current!;
          const rect = el.getBoundingClientRect();
          const x = event.clientX - rect.left - names;
          if (x < 0) return;
          const column = Math.floor((x + el.scrollLeft) / cell);
          const row = Math.floor((event.clientY - rect.top + el.scrollTop) / rowHeight);
          if (
            row < grid.tests.length &&
            column < grid.runs.length &&
            (row !== at.value.row || column !== at.value.column)
          )
            at.value = { row, column };
        }}
      >
        <div
          class="heat-inner"
          style={{
            height: `${grid.tests.length * rowHeight}px`,
            width: `${names + grid.runs.length * cell}px`,
          }}
        >
          <div class="heat-names" style={{ width: `${names}px` }}>
            {grid.tests.slice(first, last).map((t, i) => (
              <a
                key={t.test}
                href={to.test(t.test)}
                tabIndex={-1}
                style={{ top: `${(first + i) * rowHeight}px`, width: `${names - 6}px` }}
                title={t.test}
              >
                {shortTest(t.test)}
              </a>
            ))}
          </div>
          <canvas ref={canvas} aria-hidden="true" style={{ left: `${names}px` }} />
        </div>
      </div>
    </>
  );
}
