// One test in all runs.
import { testGrid } from "../api/history";
import { useResource } from "../api/resource";
import { count, shortTest } from "../lib/format";
import { type Letter, letterOf, letterWords } from "../lib/grid";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Empty, Head, Panel, Time } from "../ui/parts";
import { route, usePage } from "../ui/shell";

const roles: Record<Letter, string> = {
  ".": "",
  F: "bad strong",
  "~": "strong",
  L: "strong",
  S: "soft",
  I: "soft",
  K: "soft",
  " ": "soft",
};

function Outcome({ letter }: { letter: string }) {
  const l = letterOf(letter);
  const w = letterWords[l];
  return (
    <span class={roles[l]}>
      <span aria-hidden="true">{w.glyph} </span>
      {w.word}
    </span>
  );
}

export default function TestPage() {
  const test = route.value.page === "test" ? route.value.test : "";
  const resource = useResource(
    `grid-of/${test}`,
    (signal) => testGrid({ job: "", test, machine: "", runs: 200, steady: true }, signal),
    { kinds: ["run"] },
  );
  usePage(shortTest(test), [
    command("kiln history tests --runs 200 --steady --test", test),
    command("kiln log RUN SESSION", test),
    command("kiln known add --test", test, "--reason", "...", "--dry-run"),
  ]);
  return (
    <>
      <Head>
        <span class="soft">Test</span> <code class="name">{shortTest(test)}</code>
      </Head>
      <section aria-label="History">
        <Panel resource={resource} what={`the history of ${test}`} rows={8}>
          {(data) => {
            const row = data.tests.find((t) => t.test === test) ?? data.tests[0];
            if (!row)
              return (
                <Empty>
                  <strong>No run knows this test</strong>
                  <span>
                    {data.fromReports > 0
                      ? `The newest ${data.fromReports} runs were looked at. `
                      : ""}
                    <a href="/tests">All tests</a>
                  </span>
                </Empty>
              );
            const lines = data.runs
              .map((run, i) => ({ run, on: row.on[i] ?? " ", off: row.off[i] ?? " " }))
              .filter((l) => l.on !== " " || l.off !== " ")
              .reverse();
            return (
              <>
                <p>
                  Bad in {row.badBoots} of {count(row.boots, "boot", "boots")}:{" "}
                  {((100 * row.badBoots) / Math.max(1, row.boots)).toFixed(0)} %{" "}
                  <span class="soft">
                    95 % interval [{(100 * row.rateLow).toFixed(0)},{" "}
                    {(100 * row.rateHigh).toFixed(0)}] %
                  </span>
                </p>
                <table class="cards">
                  <caption>Newest first</caption>
                  <thead>
                    <tr>
                      <th class="num">Run</th>
                      <th>Job</th>
                      <th>Finished</th>
                      <th>HIGHMEM on</th>
                      <th>HIGHMEM off</th>
                    </tr>
                  </thead>
                  <tbody>
                    {lines.map((l) => (
                      <tr key={String(l.run.id)}>
                        <th scope="row" class="num">
                          <a href={to.run(l.run.id)}>{String(l.run.id)}</a>
                        </th>
                        <td>{l.run.jobName}</td>
                        <td>
                          <Time time={l.run.finished} />
                        </td>
                        <td data-name="HIGHMEM on">
                          <Outcome letter={l.on} />
                        </td>
                        <td data-name="HIGHMEM off">
                          <Outcome letter={l.off} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </>
            );
          }}
        </Panel>
      </section>
    </>
  );
}
