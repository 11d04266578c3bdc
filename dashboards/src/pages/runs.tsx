// The runs, newest first.
import { useSignal } from "@preact/signals";
import { api } from "../api/client";
import { useResource } from "../api/resource";
import type { RunSummary } from "../gen/kiln/v1/lab_pb";
import { matches, parseFilter } from "../lib/filter";
import { markOfResult } from "../lib/marks";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { NothingMatches } from "../ui/nothing";
import { Chip, Empty, FilterBox, Head, Panel, Time, Took } from "../ui/parts";
import { navigate, place, query, useKeys, usePage } from "../ui/shell";

const keys = ["result", "job", "state", "machine", "title"] as const;

function fields(one: RunSummary) {
  return {
    result: one.verdict?.result ?? "",
    job: one.run?.jobName ?? "",
    state: one.run?.state ?? "",
    machine: (one.run?.machine ?? "").split(" ")[0] ?? "",
    title: one.run?.title ?? "",
    headline: one.verdict?.headline ?? "",
  };
}

export function VerdictWords({ one }: { one: RunSummary }) {
  const running = one.run?.state === "running";
  const mark = markOfResult(running ? "running" : (one.verdict?.result ?? ""));
  return (
    <span>
      <Chip mark={mark} bare />
      {running ? <span class="soft">so far: </span> : null}
      {one.verdict?.headline || one.run?.error || mark.word}
    </span>
  );
}

export default function Runs() {
  const q = query.value.get("q") ?? "";
  const limit = Math.min(1000, Math.max(10, Number(query.value.get("n")) || 50));
  const resource = useResource(
    `runs/${limit}`,
    (signal) => api.lab.listRuns({ limit }, { signal }),
    {
      kinds: ["run"],
    },
  );
  usePage("Runs", [command(`kiln runs --limit ${limit}`, ...(q ? ["--where", q] : []))]);
  const at = useSignal(-1);
  const filter = parseFilter(q, keys);
  const all = resource.data?.runs ?? [];
  const shown = all.filter((one) => matches(filter, fields(one)));
  const move = (by: number) => {
    if (shown.length === 0) return;
    at.value = Math.min(shown.length - 1, Math.max(0, at.value + by));
    document.querySelectorAll<HTMLAnchorElement>("a.row-link")[at.value]?.focus();
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    J: () => move(1),
    K: () => move(-1),
    o: () => {
      const one = shown[at.value];
      if (one?.run) navigate(to.run(one.run.id));
    },
  });
  return (
    <>
      <Head
        side={
          <FilterBox value={q} problems={filter.problems} hint="result:regression job:nightly*" />
        }
      >
        Runs
      </Head>
      <section aria-label="Runs">
        <Panel resource={resource} what="the runs" command="kiln runs" rows={10}>
          {() =>
            all.length === 0 ? (
              <Empty>
                <strong>No run yet</strong>
                <span>
                  <code>kiln run jobs/kmap-local-page.yaml</code> makes the first one.
                </span>
              </Empty>
            ) : shown.length === 0 ? (
              <NothingMatches q={q} rows={all.map(fields)} filterKeys={keys} />
            ) : (
              <>
                <table class="cards list">
                  <thead>
                    <tr>
                      <th class="num">Run</th>
                      <th>Verdict</th>
                      <th>Job</th>
                      <th class="num">Results</th>
                      <th>Started</th>
                      <th class="num">Took</th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map((one) => (
                      <tr key={String(one.run?.id)}>
                        <th scope="row" class="num">
                          <a class="row-link" href={to.run(one.run?.id ?? 0n)}>
                            {String(one.run?.id)}
                          </a>
                        </th>
                        <td class="grow">
                          <VerdictWords one={one} />
                        </td>
                        <td data-name="job">
                          {one.run?.jobName}
                          {one.run && one.run.title !== one.run.jobName ? (
                            <div class="soft">{one.run.title}</div>
                          ) : null}
                        </td>
                        <td class="num" data-name="results">
                          {one.verdict && one.verdict.resultsPlanned > 0
                            ? `${one.verdict.resultsGot}/${one.verdict.resultsPlanned}`
                            : "–"}
                        </td>
                        <td class="nowrap" data-name="started">
                          <Time time={one.run?.started} />
                        </td>
                        <td class="num" data-name="took">
                          <Took seconds={one.run?.elapsedSeconds ?? 0} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <p class="row soft">
                  {shown.length} of the newest {all.length} runs
                  {all.length >= limit ? (
                    <a
                      href={
                        place.value.path +
                        (place.value.search ? `${place.value.search}&` : "?") +
                        `n=${limit * 2}`
                      }
                    >
                      show more
                    </a>
                  ) : null}
                </p>
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
