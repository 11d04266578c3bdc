// Kernels in the store, and the configs of two cells side by side with the reason of each difference.
import { api, isMissing } from "../api/client";
import { newestReports } from "../api/findings";
import { useResource } from "../api/resource";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { byReason } from "../lib/diffconfig";
import { count, shortId } from "../lib/format";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Empty, Field, Head, Panel, Section } from "../ui/parts";
import { query, setQuery, usePage } from "../ui/shell";

interface Kernel {
  key: string;
  release: string;
  buildId: string;
  config: string;
  cells: { run: bigint; cell: string; state: string; seconds: number }[];
  warnings: number;
  fresh: number;
}

function kernelsOf(reports: readonly RunReport[]): Kernel[] {
  const out = new Map<string, Kernel>();
  for (const report of [...reports].sort((a, b) => (a.run!.id > b.run!.id ? -1 : 1)))
    for (const b of report.builds) {
      let one = out.get(b.key);
      if (!one) {
        one = {
          key: b.key,
          release: b.release,
          buildId: b.kernelBuildId,
          config: b.configDigest,
          cells: [],
          warnings: b.warnings.length,
          fresh: b.warnings.filter((w) => w.isNew).length,
        };
        out.set(b.key, one);
      }
      one.cells.push({
        run: report.run!.id,
        cell: b.cell,
        state: b.state,
        seconds: b.elapsedSeconds,
      });
    }
  return [...out.values()];
}

export default function Builds() {
  const run = query.value.get("run") ?? "";
  const resource = useResource(
    "kernels",
    async (signal) => kernelsOf(await newestReports(20, signal, true)),
    { kinds: ["run"] },
  );
  const left = query.value.get("left") ?? "";
  const right = query.value.get("right") ?? "";
  usePage("Builds", [
    ...(run && left && right ? [command("kiln history configs", run, left, right)] : []),
    command("kiln report", run || "@last", "--format", "json"),
  ]);
  return (
    <>
      <Head>Builds</Head>
      <Compare run={run} />
      <Section title="Kernels" note="of the newest 20 runs; each is built once and kept">
        <Panel resource={resource} what="the kernels" command="kiln show @last" rows={6}>
          {(kernels) =>
            kernels.length === 0 ? (
              <Empty>
                <strong>No kernel was built yet</strong>
              </Empty>
            ) : (
              <div class="scroll">
                <table class="cards">
                  <thead>
                    <tr>
                      <th>Key</th>
                      <th>Kernel</th>
                      <th>Build id</th>
                      <th>Config</th>
                      <th class="num">Warnings</th>
                      <th>Used by</th>
                    </tr>
                  </thead>
                  <tbody>
                    {kernels.map((k) => (
                      <tr key={k.key}>
                        <th scope="row">
                          <code title={k.key}>{shortId(k.key)}</code>
                        </th>
                        <td data-name="kernel">{k.release || "not built"}</td>
                        <td data-name="build id">
                          <code title={k.buildId}>{shortId(k.buildId) || "–"}</code>
                        </td>
                        <td data-name="config">
                          <code title={k.config}>{shortId(k.config) || "–"}</code>
                        </td>
                        <td class="num" data-name="warnings">
                          {k.fresh > 0 ? <strong>△ {k.fresh} new, </strong> : null}
                          {k.warnings}
                        </td>
                        <td>
                          {k.cells.slice(0, 3).map((c) => (
                            <div key={`${c.run}/${c.cell}`}>
                              <a href={to.run(c.run)}>run {String(c.run)}</a> {c.cell}{" "}
                              <span class="soft">{c.state}</span>
                            </div>
                          ))}
                          {k.cells.length > 3 ? (
                            <span class="soft">and {k.cells.length - 3} more</span>
                          ) : null}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Panel>
      </Section>
    </>
  );
}

function Compare({ run }: { run: string }) {
  const runs = useResource("runs/50", (signal) => api.lab.listRuns({ limit: 50 }, { signal }), {
    kinds: ["run"],
  });
  return (
    <Section title="Compare two configs">
      <div class="fields">
        <Field label="Run">
          <select value={run} onChange={(event) => setQuery("run", event.currentTarget.value)}>
            <option value="">choose a run</option>
            {run && !(runs.data?.runs ?? []).some((r) => String(r.run?.id) === run) ? (
              <option value={run}>{run}</option>
            ) : null}
            {(runs.data?.runs ?? []).map((r) => (
              <option key={String(r.run?.id)} value={String(r.run?.id)}>
                {String(r.run?.id)} {r.run?.title || r.run?.jobName}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {/^\d{1,18}$/.test(run) ? <Cells run={BigInt(run)} /> : null}
    </Section>
  );
}

function Cells({ run }: { run: bigint }) {
  const report = useResource(`report/${run}/builds`, (signal) =>
    api.lab.getReport({ runId: run, withoutSessions: true }, { signal }),
  );
  return (
    <Panel resource={report} what={`run ${run}`} rows={3}>
      {(data) => {
        const cells = data.builds.map((b) => b.cell);
        const left = query.value.get("left") ?? cells[0] ?? "";
        const right =
          query.value.get("right") ??
          cells.find((c) => c.split("/")[1] !== left.split("/")[1]) ??
          cells[1] ??
          "";
        const pick = (name: string, value: string) => (
          <Field label={name === "left" ? "One cell" : "The other"}>
            <select value={value} onChange={(event) => setQuery(name, event.currentTarget.value)}>
              {cells.map((c) => (
                <option key={c} value={c}>
                  {c}
                </option>
              ))}
            </select>
          </Field>
        );
        if (cells.length === 0) return <p class="soft">This run built nothing.</p>;
        return (
          <>
            <div class="fields">
              {pick("left", left)}
              {pick("right", right)}
            </div>
            <Differences run={run} left={left} right={right} report={data} />
          </>
        );
      }}
    </Panel>
  );
}

function Differences({
  run,
  left,
  right,
  report,
}: {
  run: bigint;
  left: string;
  right: string;
  report: RunReport;
}) {
  const resource = useResource(`configs/${run}/${left}/${right}`, async (signal) => {
    try {
      return await api.history.compareConfigs({ runId: run, left, right }, { signal });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
  const digest = (cell: string) => report.builds.find((b) => b.cell === cell)?.configDigest ?? "";
  const equal = digest(left) !== "" && digest(left) === digest(right);
  if (equal) return <p>= Both cells have the very same config.</p>;
  return (
    <Panel
      resource={{
        ...resource,
        data: resource.at || resource.data ? { reply: resource.data } : undefined,
      }}
      what="the configs"
      rows={6}
    >
      {({ reply }) =>
        !reply ? (
          <p class="soft">
            The configs differ ({shortId(digest(left))}, {shortId(digest(right))}); this controller
            does not list in what.
          </p>
        ) : reply.differences.length === 0 ? (
          <p>= No difference.</p>
        ) : (
          byReason(reply.differences).map((group) => (
            <details key={group.reason} open={group.flag || group.rows.length < 40}>
              <summary class={group.flag ? "bad strong" : ""}>
                {group.flag ? "▼ " : ""}
                {count(group.rows.length, "option", "options")}: {group.words}
              </summary>
              <div class="scroll" tabIndex={0} role="region" aria-label={group.words}>
                <table>
                  <thead>
                    <tr>
                      <th>Option</th>
                      <th>{left}</th>
                      <th>{right}</th>
                      <th>Why</th>
                    </tr>
                  </thead>
                  <tbody>
                    {group.rows.map((d) => (
                      <tr key={d.symbol}>
                        <th scope="row">
                          <code>{d.symbol}</code>
                        </th>
                        <td>{d.left || <span class="soft">not set</span>}</td>
                        <td>{d.right || <span class="soft">not set</span>}</td>
                        <td class="soft">{d.why}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </details>
          ))
        )
      }
    </Panel>
  );
}
