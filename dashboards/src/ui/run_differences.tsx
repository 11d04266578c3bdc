// The matrix, and the differences in it.
import { signal, useSignal } from "@preact/signals";
import type { Finding, RunReport } from "../gen/kiln/v1/report_pb";
import { causeOf, configWords, evidenceOf, matrixOf, squaresOf } from "../lib/cells";
import { shortTest, textOf } from "../lib/format";
import { confidenceWords } from "../lib/inbox";
import { markOfClass, markOfOutcome, markOfResult, needsPerson, urgencyOf } from "../lib/marks";
import { to } from "../lib/route";
import { Chip, Command, Section, Squares } from "./parts";

/** What the cells of the run that goes on do now, by "patched/i386-highmem". */
export const liveCells = signal<
  ReadonlyMap<string, { state: string; done: number; total: number }>
>(new Map());

const variantWords = (variant: string) =>
  variant === "patched" ? "with the series" : variant === "baseline" ? "baseline" : variant;

export function MatrixTable({ report }: { report: RunReport }) {
  const matrix = matrixOf(report);
  const running = report.run?.state === "running";
  if (matrix.configs.length === 0) return null;
  return (
    <section id="matrix" aria-label="Matrix">
      <div class="scroll">
        <table class="matrix">
          <caption>Results by kernel: what the tests gave in all boots of a cell</caption>
          <thead>
            <tr>
              <td />
              {matrix.variants.map((variant) => (
                <th key={variant} scope="col">
                  {variantWords(variant)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.configs.map((config) => (
              <tr key={config}>
                <th scope="row" title={config}>
                  {configWords(config)}
                </th>
                {matrix.variants.map((variant) => {
                  const cell = matrix.cell(variant, config);
                  const now = running ? liveCells.value.get(`${variant}/${config}`) : undefined;
                  return (
                    <td key={variant}>
                      {now ? (
                        <div>
                          <Chip mark={markOfResult("running")} word={now.state} />
                          {now.total > 0 ? (
                            <span class="soft">
                              {" "}
                              {now.done} of {now.total}
                            </span>
                          ) : null}
                        </div>
                      ) : null}
                      {cell.sameAs ? (
                        <span class="soft">same kernel as {cell.sameAs}</span>
                      ) : cell.outcomes.length === 0 ? (
                        <span class="soft">
                          {cell.live ? "running" : cell.sessions > 0 ? "no result" : "not run"}
                        </span>
                      ) : (
                        <span class="outcomes">
                          {cell.outcomes.map((part) => (
                            <span key={part.outcome}>
                              <Chip mark={markOfOutcome(part.outcome)} /> <b>{part.n}</b>
                            </span>
                          ))}
                        </span>
                      )}
                      {cell.findings
                        .filter((f) => needsPerson(f.class))
                        .map((f) => (
                          <div key={f.class}>
                            <Chip mark={markOfClass(f.class)} /> <b>{f.n}</b>
                          </div>
                        ))}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Differences({ report }: { report: RunReport }) {
  const sorted = [...report.findings].sort((a, b) => urgencyOf(a.class) - urgencyOf(b.class));
  const loud = sorted.filter((f) => needsPerson(f.class));
  const quiet = sorted.filter((f) => !needsPerson(f.class));
  return (
    <Section
      title="Differences"
      note={loud.length === 0 ? "none that the series makes" : undefined}
      id="differences"
    >
      {loud.map((finding) => (
        <FindingPart key={finding.id} report={report} finding={finding} />
      ))}
      {quiet.length > 0 ? (
        <details class="quiet" open={loud.length === 0}>
          <summary>
            {quiet.length} that need nobody:{" "}
            {[...new Set(quiet.map((f) => markOfClass(f.class).word))].join(", ")}
          </summary>
          {quiet.map((finding) => (
            <FindingPart key={finding.id} report={report} finding={finding} />
          ))}
        </details>
      ) : null}
      {report.lost.length > 0 ? (
        <details>
          <summary>
            <Chip mark={markOfClass("coverage-lost")} bare />
            {report.lost.length} planned {report.lost.length === 1 ? "result" : "results"} lost
          </summary>
          <ul>
            {report.lost.map((lost) => (
              <li key={`${lost.test}/${lost.variant}/${lost.config}`}>
                <code>{lost.test}</code>{" "}
                <span class="soft">
                  {lost.variant}/{lost.config}
                </span>
                : {lost.why}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </Section>
  );
}

function FindingPart({ report, finding }: { report: RunReport; finding: Finding }) {
  const run = report.run!.id;
  const mark = markOfClass(finding.class);
  const kernel = finding.kernel[0];
  const evidence = evidenceOf(finding.evidence);
  const all = useSignal(false);
  return (
    <div class="finding">
      <h3>
        <Chip mark={mark} />{" "}
        <a href={to.finding(run, finding.id)}>
          <code>
            {finding.test ? shortTest(finding.test) : causeOf(finding.kernel) || finding.summary}
          </code>
        </a>
        {finding.also.length > 0 ? <span class="soft"> +{finding.also.length}</span> : null}{" "}
        <span class="soft">
          {finding.id}
          {finding.patch ? ` · patch ${finding.patch}` : ""}
          {finding.confidence > 0 ? ` · ${confidenceWords(finding.confidence)} sure` : ""}
        </span>
      </h3>
      <p>{finding.summary}</p>
      <CountsTable finding={finding} />
      {finding.interaction ? <p>→ {finding.interaction}</p> : null}
      {kernel ? (
        <p>
          <span class="soft">kernel:</span> <code>{causeOf([kernel])}</code>{" "}
          {kernel.frames[0]?.file ? (
            <code class="soft">
              {kernel.frames[0].function} {kernel.frames[0].file}:{kernel.frames[0].line}
            </code>
          ) : null}{" "}
          {kernel.seen ? <span class="soft">({kernel.seen})</span> : null}{" "}
          {kernel.text.length > 0 ? (
            <button
              type="button"
              class="plain"
              aria-expanded={all.value}
              onClick={() => (all.value = !all.value)}
            >
              {all.value ? "less" : "the report"}
            </button>
          ) : null}
        </p>
      ) : null}
      {all.value && kernel ? <pre tabIndex={0}>{textOf(kernel.text)}</pre> : null}
      <p class="row soft">
        {evidence ? (
          <a href={to.log(run, evidence.session, "console", evidence.line)}>
            console of session {String(evidence.session)}
            {evidence.line ? `, line ${evidence.line}` : ""}
          </a>
        ) : null}
        {finding.reproduce ? <Command text={finding.reproduce} /> : null}
      </p>
    </div>
  );
}

/** The 2x2: HIGHMEM x series, as counts of bad boots. */
export function CountsTable({ finding }: { finding: Finding }) {
  const squares = squaresOf(finding);
  if (squares.length === 0) return null;
  const side = (x?: { bad: number; boots: number }) =>
    x ? (
      <span class={x.bad > 0 ? "bad strong" : ""}>{`${x.bad}/${x.boots}`}</span>
    ) : (
      <span class="soft">–</span>
    );
  return (
    <table class="counts">
      <caption class="for-ears">Boots in which it is bad</caption>
      <thead>
        <tr>
          <td>
            <Squares finding={finding} />
          </td>
          <th scope="col" class="num">
            baseline
          </th>
          <th scope="col" class="num">
            with the series
          </th>
        </tr>
      </thead>
      <tbody>
        {squares.map((square) => (
          <tr key={square.config}>
            <th scope="row">{configWords(square.config)}</th>
            <td class="num">{side(square.base)}</td>
            <td class="num">{side(square.patched)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
