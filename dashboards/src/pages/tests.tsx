// Tests: which broke where and when, and which are flaky.
import { useSignal } from "@preact/signals";
import { testGrid } from "../api/history";
import { useResource } from "../api/resource";
import { matches, parseFilter, termValue } from "../lib/filter";
import { count, shortTest } from "../lib/format";
import { groupOf, lastChange, letterWords } from "../lib/grid";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { HeatMap } from "../ui/heatmap";
import { NothingMatches } from "../ui/nothing";
import { Empty, FilterBox, Head, Panel, Section } from "../ui/parts";
import { query, setQuery, usePage } from "../ui/shell";
import "../styles/heat.css";

const keys = ["test", "group", "job"] as const;

export default function Tests() {
  const q = query.value.get("q") ?? "";
  const steady = query.value.get("steady") === "1";
  const filter = parseFilter(q, keys);
  const job = termValue(q, "job");
  const resource = useResource(
    `grid/${job}/${steady}`,
    (signal) => testGrid({ job, test: "", machine: "", runs: 100, steady }, signal),
    { kinds: ["run"] },
  );
  const worst = useSignal(30);
  usePage("Tests", [
    command(
      "kiln history tests --runs 100",
      ...(q ? ["--where", q] : []),
      ...(steady ? ["--steady"] : []),
    ),
  ]);
  return (
    <>
      <Head side={<FilterBox value={q} problems={filter.problems} hint="test:gem_* job:nightly" />}>
        Tests
      </Head>
      <Panel resource={resource} what="the tests" rows={12}>
        {(data) => {
          const fields = (t: { test: string }) => ({
            test: t.test,
            group: groupOf(t.test),
            job: job || "",
          });
          const kept = parseFilter(q, keys);
          const own = { ...kept, terms: kept.terms.filter((t) => t.key !== "job") };
          const tests = data.tests.filter((t) => matches(own, fields(t)));
          if (data.runs.length === 0)
            return (
              <Empty>
                <strong>No results yet</strong>
                <span>A run that has tested fills this page.</span>
              </Empty>
            );
          const said = (
            <p class="soft row">
              <span>
                {count(tests.length, "test", "tests")} in {count(data.runs.length, "run", "runs")}
                {data.fromReports > 0 ? ", the newest" : ""}
                {steady ? "" : "; only those that were not the same throughout"}
              </span>
              <label>
                <input
                  type="checkbox"
                  checked={steady}
                  onChange={() => setQuery("steady", steady ? "" : "1")}
                />
                steady ones, too
              </label>
            </p>
          );
          if (tests.length === 0)
            return (
              <>
                {said}
                {q ? (
                  <NothingMatches q={q} rows={data.tests.map(fields)} filterKeys={keys} />
                ) : (
                  <Empty>
                    <strong>Every test gave the same in all these runs</strong>
                  </Empty>
                )}
              </>
            );
          const flaky = [...tests]
            .filter((t) => t.badBoots > 0)
            .sort((a, b) => b.rateLow - a.rateLow || b.badBoots - a.badBoots);
          return (
            <>
              <Section title="When and where" note="the last changed first">
                {said}
                <div class="legend-row soft">
                  {Object.entries(letterWords).map(([letter, w]) => (
                    <span key={letter}>
                      <span aria-hidden="true">{w.glyph || "."}</span> {w.word}
                    </span>
                  ))}
                  <span>upper half HIGHMEM on, lower off</span>
                </div>
                <HeatMap grid={{ runs: data.runs, tests }} />
              </Section>
              <Section title="Worst first" note="rate of bad boots with its 95 % interval">
                <table class="cards">
                  <thead>
                    <tr>
                      <th>Test</th>
                      <th class="num">Bad boots</th>
                      <th class="num">Rate</th>
                      <th class="num">Runs since it changed</th>
                    </tr>
                  </thead>
                  <tbody>
                    {flaky.slice(0, worst.value).map((t) => {
                      const changed = lastChange(t);
                      return (
                        <tr key={t.test}>
                          <th scope="row">
                            <a href={to.test(t.test)}>
                              <code>{shortTest(t.test)}</code>
                            </a>
                          </th>
                          <td class="num" data-name="bad boots">
                            {t.badBoots} of {t.boots}
                          </td>
                          <td class="num" data-name="rate">
                            {((100 * t.badBoots) / Math.max(1, t.boots)).toFixed(0)} %{" "}
                            <span class="soft">
                              [{(100 * t.rateLow).toFixed(0)}, {(100 * t.rateHigh).toFixed(0)}]
                            </span>
                          </td>
                          <td class="num" data-name="runs since">
                            {changed < 0 ? "always so" : data.runs.length - 1 - changed}
                          </td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
                {flaky.length === 0 ? <p class="soft">No bad boot.</p> : null}
                {flaky.length > worst.value ? (
                  <button type="button" class="plain" onClick={() => (worst.value += 200)}>
                    {flaky.length - worst.value} more
                  </button>
                ) : null}
              </Section>
            </>
          );
        }}
      </Panel>
    </>
  );
}
