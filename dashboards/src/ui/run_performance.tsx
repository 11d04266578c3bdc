// Performance: each metric's interval against its margin, the pairs beside it, one scale for all.
import { useSignal } from "@preact/signals";
import type { Comparison, RunReport } from "../gen/kiln/v1/report_pb";
import { configWords } from "../lib/cells";
import { interval, number, percent } from "../lib/format";
import { markOfAnswer } from "../lib/marks";
import { byEffect, commonRange, pairChange, scale, ticks } from "../lib/plot";
import { Chip, Section } from "./parts";

const height = 26;
const width = 420;

function changeWords(c: Comparison): string {
  const counted = c.pairs.filter((p) => !p.excluded).length;
  if (counted === 0) return "no pair";
  if (c.kind === "counter") return `${number(c.leftTypical)} → ${number(c.rightTypical)}`;
  return `${percent(c.changePercent)} ${interval(c.ciLowPercent, c.ciHighPercent)}`;
}

function sampleWords(c: Comparison): string {
  const n = c.pairs.filter((p) => !p.excluded).length;
  const one = c.pairs[0]?.order === "same boot";
  const base = `${n} ${one ? (n === 1 ? "boot" : "boots") : n === 1 ? "pair" : "pairs"}`;
  return c.looksAtMost > 1 ? `${base}, look ${c.looksTaken} of at most ${c.looksAtMost}` : base;
}

export function sentence(c: Comparison): string {
  const mark = markOfAnswer(c);
  const more =
    c.answer === "inconclusive" && c.morePairs > 0 ? `, ${c.morePairs} more pairs needed` : "";
  return `${c.metric} in ${c.config}: ${mark.word}, ${changeWords(c)}, margin ±${number(c.marginPercent)} %${more}`;
}

/** The dots of the pairs, the 90 % interval thick, the 95 % thin, the margin as a band. */
export function IntervalPlot({
  c,
  range,
}: {
  c: Comparison;
  range: { low: number; high: number };
}) {
  const x = scale(range.low, range.high, 6, width - 6);
  const mid = height / 2;
  const role = markOfAnswer(c).role;
  const hollow = c.answer === "inconclusive";
  const dots = c.pairs.map((pair) => ({ pair, change: pairChange(pair.left, pair.right) }));
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      class={`interval ${role}`}
      role="img"
      aria-label={sentence(c)}
      preserveAspectRatio="none"
    >
      <rect
        class="margin"
        x={x.at(-c.marginPercent)}
        y="0"
        width={Math.max(0, x.at(c.marginPercent) - x.at(-c.marginPercent))}
        height={height}
      />
      <line
        class="margin-edge"
        x1={x.at(-c.marginPercent)}
        x2={x.at(-c.marginPercent)}
        y1="0"
        y2={height}
      />
      <line
        class="margin-edge"
        x1={x.at(c.marginPercent)}
        x2={x.at(c.marginPercent)}
        y1="0"
        y2={height}
      />
      <line class="zero" x1={x.at(0)} x2={x.at(0)} y1="0" y2={height} />
      {dots.map(({ pair, change }, i) =>
        change === undefined ? null : (
          <PairDot
            key={i}
            x={x.at(change)}
            y={4 + ((i * 7) % (height - 8))}
            order={pair.order}
            out={pair.excluded !== ""}
          />
        ),
      )}
      <line class="thin" x1={x.at(c.ciLowPercent)} x2={x.at(c.ciHighPercent)} y1={mid} y2={mid} />
      <line
        class="thick"
        x1={x.at(c.ci90LowPercent)}
        x2={x.at(c.ci90HighPercent)}
        y1={mid}
        y2={mid}
      />
      {c.changePercent < range.low || c.changePercent > range.high ? (
        // Beyond the scale: an arrow says so, the figure stands beside it.
        <path
          class="mean"
          d={c.changePercent < 0 ? `M1 ${mid}l9 -6v12z` : `M${width - 1} ${mid}l-9 -6v12z`}
        />
      ) : (
        <circle class={hollow ? "mean hollow" : "mean"} cx={x.at(c.changePercent)} cy={mid} r="4" />
      )}
    </svg>
  );
}

function PairDot({ x, y, order, out }: { x: number; y: number; order: string; out: boolean }) {
  if (out) return <path class="pair out" d={`M${x - 3} ${y - 3}l6 6m0-6l-6 6`} />;
  if (order === "AB") return <path class="pair" d={`M${x - 2} ${y - 2.5}l4 2.5l-4 2.5z`} />;
  if (order === "BA") return <path class="pair" d={`M${x + 2} ${y - 2.5}l-4 2.5l4 2.5z`} />;
  return <circle class="pair" cx={x} cy={y} r="1.8" />;
}

function Axis({ range }: { range: { low: number; high: number } }) {
  const x = scale(range.low, range.high, 6, width - 6);
  return (
    <svg viewBox={`0 0 ${width} 18`} class="axis" aria-hidden="true" preserveAspectRatio="none">
      {ticks(range.low, range.high).map((t) => (
        <g key={t}>
          <line x1={x.at(t)} x2={x.at(t)} y1="0" y2="4" />
          <text x={x.at(t)} y="15" text-anchor="middle">
            {t > 0 ? `+${number(t)}` : number(t)}
          </text>
        </g>
      ))}
    </svg>
  );
}

export function Performance({ report }: { report: RunReport }) {
  const all = useSignal(false);
  const open = useSignal("");
  if (report.comparisons.length === 0) return null;
  const decide = byEffect(report.comparisons.filter((c) => c.decides));
  const informs = byEffect(report.comparisons.filter((c) => !c.decides));
  const shown = all.value ? [...decide, ...informs] : decide;
  // Counters go from all to nothing: they must not squeeze what is told in percent.
  const told = shown.filter((c) => c.kind !== "counter");
  const range = commonRange(told.length > 0 ? told : shown);
  const tally = new Map<string, number>();
  for (const c of decide) {
    const word = markOfAnswer(c).word;
    tally.set(word, (tally.get(word) ?? 0) + 1);
  }
  return (
    <Section
      title="Performance"
      id="performance"
      note={`${decide.length} that decide: ${[...tally].map(([word, n]) => `${n} ${word}`).join(", ")}`}
    >
      <p class="soft legend">
        Change in percent, with the series against without. Pale band: the margin of equivalence.
        Thick: 90 % interval, thin: 95 %. Each small mark is one pair of boots: ▷ baseline first, ◁
        series first, • both in one boot, × left out.
      </p>
      <div class="scroll">
        <table class="cards perf">
          <thead>
            <tr>
              <th>Answer</th>
              <th>Metric</th>
              <th>Kernel</th>
              <th class="num">Change</th>
              <th>
                <span class="for-ears">Interval</span>
                <Axis range={range} />
              </th>
              <th>From</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((c) => {
              const key = `${c.metric}|${c.config}|${c.left}|${c.kind}`;
              return [
                <tr key={key} class={c.decides ? "" : "informs"}>
                  <td class="nowrap">
                    <Chip mark={markOfAnswer(c)} />
                  </td>
                  <th scope="row">
                    <code>{c.metric}</code>
                    <div class="soft">
                      {c.left === "baseline" ? "" : `${c.right} against ${c.left} · `}
                      {c.unit}
                      {c.decides ? "" : " · information only"}
                    </div>
                  </th>
                  <td class="nowrap">{configWords(c.config)}</td>
                  <td class="num">
                    {changeWords(c)}
                    {c.answer === "inconclusive" && c.morePairs > 0 ? (
                      <div class="soft">+{c.morePairs} pairs needed</div>
                    ) : null}
                  </td>
                  <td class="plot">
                    {c.kind === "counter" && c.leftTypical === 0 ? (
                      <span class="soft">from zero: no percent</span>
                    ) : (
                      <IntervalPlot c={c} range={range} />
                    )}
                  </td>
                  <td>
                    <button
                      type="button"
                      class="plain"
                      aria-expanded={open.value === key}
                      onClick={() => (open.value = open.value === key ? "" : key)}
                    >
                      {sampleWords(c)}
                    </button>
                  </td>
                </tr>,
                open.value === key ? (
                  <tr key={`${key}/pairs`}>
                    <td colSpan={6}>
                      <Pairs c={c} />
                    </td>
                  </tr>
                ) : null,
              ];
            })}
          </tbody>
        </table>
      </div>
      {informs.length > 0 ? (
        <button
          type="button"
          class="plain"
          aria-expanded={all.value}
          onClick={() => (all.value = !all.value)}
        >
          {all.value ? "Only what decides" : `${informs.length} more for information only`}
        </button>
      ) : null}
      <Interactions report={report} />
      <NoiseFloor report={report} />
    </Section>
  );
}

/** The pairs in time order: both sides joined, the slope is the effect. */
function Pairs({ c }: { c: Comparison }) {
  const values = c.pairs.flatMap((p) => [p.left, p.right]);
  const x = scale(Math.min(...values), Math.max(...values), 8, 292);
  return (
    <div class="pairs">
      {c.note ? <p class="soft">{c.note}</p> : null}
      <table>
        <caption>
          {c.pairs.length} pairs in the order in which they were taken; ○ {c.left}, ● {c.right}, in{" "}
          {c.unit}
        </caption>
        <thead>
          <tr>
            <th class="num">Pair</th>
            <th>Order</th>
            <th class="num">{c.left}</th>
            <th class="num">{c.right}</th>
            <th class="num">Change</th>
            <th>○ to ●</th>
          </tr>
        </thead>
        <tbody>
          {c.pairs.map((pair, i) => {
            const change = pairChange(pair.left, pair.right);
            return (
              <tr key={i} class={pair.excluded ? "out" : ""}>
                <td class="num">{pair.pair || i + 1}</td>
                <td>{pair.order === "AB" ? "▷ AB" : pair.order === "BA" ? "◁ BA" : pair.order}</td>
                <td class="num">{number(pair.left)}</td>
                <td class="num">{number(pair.right)}</td>
                <td class="num">{change === undefined ? "–" : percent(change)}</td>
                <td>
                  <svg viewBox="0 0 300 14" class="pair-line" aria-hidden="true">
                    <line x1={x.at(pair.left)} x2={x.at(pair.right)} y1="7" y2="7" />
                    <circle class="from" cx={x.at(pair.left)} cy="7" r="4" />
                    <circle class="to" cx={x.at(pair.right)} cy="7" r="3.5" />
                  </svg>
                  {pair.excluded ? <span class="soft"> left out: {pair.excluded}</span> : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {c.pValue > 0 && c.pValue < 1 ? (
        <p class="soft">
          p {c.pValue.toPrecision(2)} (sign-flip {c.pSignflip.toPrecision(2)}), adjusted for all
          metrics of the run {c.pAdjusted.toPrecision(2)}; so many pairs show{" "}
          {number(c.detectablePercent)} % with 80 % power
        </p>
      ) : null}
    </div>
  );
}

/** HIGHMEM x series: is the effect another one with HIGHMEM? */
function Interactions({ report }: { report: RunReport }) {
  const said = report.interactions.filter((i) => i.decides && i.answer !== "inconclusive");
  if (said.length === 0) return null;
  return (
    <details>
      <summary>
        With HIGHMEM against without: the effect differs in{" "}
        {said.filter((i) => i.answer === "differs").length} of {said.length} metrics
      </summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Metric</th>
              <th class="num">HIGHMEM on</th>
              <th class="num">HIGHMEM off</th>
              <th>The effect</th>
            </tr>
          </thead>
          <tbody>
            {said.map((i) => (
              <tr key={`${i.metric}|${i.left}|${i.kind}`}>
                <th scope="row">
                  <code>{i.metric}</code>
                </th>
                <td class="num">
                  {i.kind === "counter"
                    ? `${number(i.on?.leftTypical ?? 0)} → ${number(i.on?.rightTypical ?? 0)}`
                    : percent(i.on?.changePercent ?? 0)}
                </td>
                <td class="num">
                  {i.kind === "counter"
                    ? `${number(i.off?.leftTypical ?? 0)} → ${number(i.off?.rightTypical ?? 0)}`
                    : percent(i.off?.changePercent ?? 0)}
                </td>
                <td>
                  {i.answer === "equal"
                    ? "= the same"
                    : i.hasPercent
                      ? `≠ differs by ${percent(i.differencePercent)} ${interval(i.ciLowPercent, i.ciHighPercent)}`
                      : "≠ differs"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function NoiseFloor({ report }: { report: RunReport }) {
  const known = report.noise.filter((n) => n.sdPercent > 0);
  if (known.length === 0) return null;
  return (
    <p class="soft">
      Noise floor, from the baseline against itself:{" "}
      {known
        .map(
          (n) =>
            `${n.family} ${number(n.sdPercent)} % ${interval(n.sdLowPercent, n.sdHighPercent)} over ${n.pairs} pairs`,
        )
        .join("; ")}
    </p>
  );
}
