// Performance over the runs: a metric's history, and two runs side by side.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { api } from "../api/client";
import { metricHistory } from "../api/history";
import { useResource } from "../api/resource";
import type { Comparison } from "../gen/kiln/v1/report_pb";
import { configWords } from "../lib/cells";
import { globMatches } from "../lib/filter";
import { interval, number, percent } from "../lib/format";
import { markOfAnswer } from "../lib/marks";
import { historySentence, type Series, seriesOf } from "../lib/metrics";
import { byEffect, median } from "../lib/plot";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Bones, Chip, Empty, Field, Figure, Head, Panel, Section, Time } from "../ui/parts";
import { query, setQuery, usePage } from "../ui/shell";
import "../styles/perf.css";

type Plot = ComponentType<{ series: Series[]; noise: number; unit: string }>;

export default function Perf() {
  const metric = query.value.get("metric") ?? "";
  const q = query.value.get("q") ?? "";
  const list = useResource(
    "metric/",
    (signal) => metricHistory({ metric: "", machine: "", config: "", variant: "" }, signal),
    { kinds: ["run"] },
  );
  usePage(metric || "Performance", [
    command("kiln history metrics", ...(metric ? [metric] : [])),
    "kiln report @last --format csv",
  ]);
  return (
    <>
      <Head>Performance</Head>
      <Panel resource={list} what="the metrics" rows={8}>
        {(data) => {
          if (data.metrics.length === 0)
            return (
              <Empty>
                <strong>Nothing was measured yet</strong>
                <span>
                  A job with <code>benchmarks:</code> fills this page.
                </span>
              </Empty>
            );
          const shown = data.metrics.filter(
            (m) => !q || globMatches(`*${q.toLowerCase()}*`, m.toLowerCase()),
          );
          const chosen = data.metrics.includes(metric) ? metric : "";
          return (
            <>
              <Section
                title="Metric"
                note={data.fromReports > 0 ? `of the newest ${data.fromReports} runs` : undefined}
              >
                <div class="fields">
                  <Field label="Find">
                    <input
                      type="search"
                      value={q}
                      onInput={(event) => setQuery("q", event.currentTarget.value)}
                      maxLength={200}
                    />
                  </Field>
                  <Field label="Metric">
                    <select
                      value={chosen}
                      onChange={(event) => setQuery("metric", event.currentTarget.value)}
                    >
                      <option value="">choose one of {shown.length}</option>
                      {shown.map((m) => (
                        <option key={m} value={m}>
                          {m}
                        </option>
                      ))}
                    </select>
                  </Field>
                </div>
                {metric && !chosen ? <p class="bad">No run measured {metric}.</p> : null}
              </Section>
              {chosen ? <HistoryOf metric={chosen} /> : null}
            </>
          );
        }}
      </Panel>
      <Compare metric={metric} />
    </>
  );
}

function HistoryOf({ metric }: { metric: string }) {
  const resource = useResource(
    `metric/${metric}`,
    (signal) => metricHistory({ metric, machine: "", config: "", variant: "" }, signal),
    {
      kinds: ["run"],
    },
  );
  const Plotted = useSignal<Plot | undefined>(undefined);
  useEffect(() => {
    void import("../ui/history_plot").then(
      (m) => (Plotted.value = m.default),
      () => {},
    );
  }, []);
  const points = resource.data?.points;
  const series = useMemo(() => seriesOf(points ?? []), [points]);
  return (
    <Section
      title={metric}
      note={resource.data?.unit ? `${resource.data.unit}, lower is better` : undefined}
    >
      <Panel resource={resource} what={metric} rows={6}>
        {(data) =>
          data.points.length === 0 ? (
            <p class="soft">No value of it yet.</p>
          ) : (
            <Figure
              says={historySentence(metric, data.unit, series)}
              table={
                <table>
                  <caption>Newest first</caption>
                  <thead>
                    <tr>
                      <th class="num">Run</th>
                      <th>When</th>
                      <th>Kernel</th>
                      <th class="num">Boots</th>
                      <th class="num">Median</th>
                      <th class="num">Lowest and highest</th>
                    </tr>
                  </thead>
                  <tbody>
                    {[...data.points].reverse().map((p, i) => (
                      <tr key={i}>
                        <th scope="row" class="num">
                          <a href={to.run(p.run)}>{String(p.run)}</a>
                        </th>
                        <td>
                          <Time date={new Date(p.time * 1000)} />
                        </td>
                        <td>
                          {p.variant} <span class="soft">{configWords(p.config)}</span>
                        </td>
                        <td class="num">{p.boots.length}</td>
                        <td class="num">{number(p.median)}</td>
                        <td class="num">
                          {number(Math.min(...p.boots))} to {number(Math.max(...p.boots))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              }
            >
              <div class="plot-place">
                {Plotted.value ? (
                  <Plotted.value series={series} noise={data.noise} unit={data.unit} />
                ) : (
                  <Bones rows={3} what="Plot" />
                )}
              </div>
              <p class="soft">
                A faint dot is a boot, the line joins the medians of the runs; through: HIGHMEM on,
                dashed: off. Drag to zoom, double click for all.
                {data.noise > 0
                  ? ` Grey band: the machine's noise floor, ${number(data.noise)} %.`
                  : ""}
              </p>
              {data.changes.length > 0 ? (
                <ul>
                  {data.changes.map((c, i) => (
                    <li key={i}>
                      changed by {percent(c.changePercent)} between{" "}
                      <a href={to.run(c.beforeRun)}>run {String(c.beforeRun)}</a> and{" "}
                      <a href={to.run(c.afterRun)}>run {String(c.afterRun)}</a>,{" "}
                      {(c.confidence * 100).toFixed(1)} % sure
                    </li>
                  ))}
                </ul>
              ) : null}
            </Figure>
          )
        }
      </Panel>
    </Section>
  );
}

/** Any two runs: what each measured of the same metric in the same kernel. */
function Compare({ metric }: { metric: string }) {
  const a = query.value.get("a") ?? "";
  const b = query.value.get("b") ?? "";
  const runs = useResource("runs/50", (signal) => api.lab.listRuns({ limit: 50 }, { signal }), {
    kinds: ["run"],
  });
  const pick = (name: string, value: string, label: string) => (
    <Field label={label}>
      <select value={value} onChange={(event) => setQuery(name, event.currentTarget.value)}>
        <option value="">choose a run</option>
        {(runs.data?.runs ?? []).map((r) => (
          <option key={String(r.run?.id)} value={String(r.run?.id)}>
            {String(r.run?.id)} {r.run?.title || r.run?.jobName}
          </option>
        ))}
      </select>
    </Field>
  );
  return (
    <Section title="Compare two runs" note="the values with the series, by metric and kernel">
      <div class="fields">
        {pick("a", a, "Before")}
        {pick("b", b, "After")}
      </div>
      {/^\d+$/.test(a) && /^\d+$/.test(b) ? (
        <Compared a={BigInt(a)} b={BigInt(b)} metric={metric} />
      ) : null}
    </Section>
  );
}

function Compared({ a, b, metric }: { a: bigint; b: bigint; metric: string }) {
  const left = useResource(`report/${a}`, (signal) => api.lab.getReport({ runId: a }, { signal }));
  const right = useResource(`report/${b}`, (signal) => api.lab.getReport({ runId: b }, { signal }));
  return (
    <Panel resource={left} what={`run ${a}`} rows={4}>
      {(l) => (
        <Panel resource={right} what={`run ${b}`} rows={4}>
          {(r) => {
            const key = (c: Comparison) => `${c.metric}|${c.config}|${c.kind}|${c.right}`;
            const before = new Map(l.comparisons.map((c) => [key(c), c]));
            const rows = byEffect(r.comparisons)
              .filter((c) => before.has(key(c)) && (!metric || c.metric === metric))
              .slice(0, 200);
            if (rows.length === 0)
              return (
                <p class="soft">
                  The two have no metric in common{metric ? ` named ${metric}` : ""}.
                </p>
              );
            return (
              <div class="scroll">
                <table class="cards">
                  <caption>
                    Other boots at another time: a hint, no verdict. What each run itself decided
                    stands beside it.
                  </caption>
                  <thead>
                    <tr>
                      <th>Metric</th>
                      <th>Kernel</th>
                      <th class="num">Run {String(a)}</th>
                      <th class="num">Run {String(b)}</th>
                      <th class="num">Between them</th>
                      <th>Decided in {String(a)}</th>
                      <th>Decided in {String(b)}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map((c) => {
                      const was = before.get(key(c))!;
                      const value = (one: Comparison) =>
                        median(one.pairs.filter((p) => !p.excluded).map((p) => p.right));
                      const [x, y] = [value(was), value(c)];
                      const words = (one: Comparison) => (
                        <>
                          <Chip mark={markOfAnswer(one)} />{" "}
                          <span class="soft">
                            {one.kind === "counter"
                              ? ""
                              : interval(one.ciLowPercent, one.ciHighPercent)}
                          </span>
                        </>
                      );
                      return (
                        <tr key={key(c)}>
                          <th scope="row">
                            <code>{c.metric}</code> <span class="soft">{c.unit}</span>
                          </th>
                          <td>{configWords(c.config)}</td>
                          <td class="num">{number(x)}</td>
                          <td class="num">{number(y)}</td>
                          <td class="num">{x > 0 ? percent((y / x - 1) * 100) : "–"}</td>
                          <td>{words(was)}</td>
                          <td>{words(c)}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
            );
          }}
        </Panel>
      )}
    </Panel>
  );
}
