// The cover letter's claims, what nobody tested, and what the static tools say.
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { bytes } from "../lib/format";
import { markOfClaim } from "../lib/marks";
import { Chip, Section } from "./parts";

export function Claims({ report }: { report: RunReport }) {
  if (report.claims.length === 0) return null;
  const n = (answer: string) => report.claims.filter((c) => c.answer === answer).length;
  return (
    <Section
      title="Claims"
      id="claims"
      note={`${n("confirmed")} confirmed, ${n("refuted")} refuted, ${n("not-decidable")} not decidable here`}
    >
      <table class="cards">
        <thead>
          <tr>
            <th>Answer</th>
            <th>The letter says</th>
            <th>The run says</th>
          </tr>
        </thead>
        <tbody>
          {report.claims.map((claim) => (
            <tr key={claim.text}>
              <td class="nowrap">
                <Chip mark={markOfClaim(claim.answer)} />
              </td>
              <th scope="row" class="claim">
                {claim.text}
              </th>
              <td>
                {claim.figure ? <div>{claim.figure}</div> : null}
                <div class="soft">{claim.why}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

const reachMark: Record<string, { glyph: string; word: string; css: string }> = {
  executed: { glyph: "✓", word: "ran", css: "ran" },
  "not-executed": { glyph: "∅", word: "NOT TESTED", css: "missed" },
  "not-compiled": { glyph: "–", word: "not compiled", css: "untold" },
  unknown: { glyph: "?", word: "not known", css: "untold" },
  "no-code": { glyph: " ", word: "no code", css: "" },
};

export function NotTested({ report }: { report: RunReport }) {
  const summary = report.reachSummary;
  const shown = report.notTested.length > 0 || report.reach.length > 0;
  if (!shown && !(summary && summary.state !== "not-measured")) return null;
  return (
    <Section
      title="Not tested"
      id="not-tested"
      note={
        summary && summary.state !== "not-measured"
          ? `${summary.executed} changed lines ran, ${summary.notExecuted} did not, ${summary.notCompiled} not compiled`
          : summary?.why
      }
    >
      {report.notTested.length > 0 ? (
        <ul class="not-tested">
          {report.notTested.map((place) => (
            <li key={`${place.file}:${place.line}:${place.what}`}>
              <code>
                {place.file}
                {place.line > 0 ? `:${place.line}` : ""}
              </code>{" "}
              {place.what}
              {place.needs ? <span class="soft">; needs {place.needs}</span> : null}
            </li>
          ))}
        </ul>
      ) : null}
      {report.reach.map((file) => (
        <details key={file.path} open={file.lines.some((l) => l.mark === "not-executed")}>
          <summary>
            <code>{file.path}</code> {file.note ? <span class="soft">{file.note}</span> : null}
          </summary>
          <div class="scroll">
            <table class="diff">
              <caption class="for-ears">The series' changes to {file.path}, with what ran</caption>
              <tbody>
                {file.lines.map((line, i) => {
                  const mark = reachMark[line.mark];
                  return (
                    <tr key={i} class={mark?.css ?? ""}>
                      <td class="num soft">{line.kind === "@" ? "" : line.line}</td>
                      <td
                        class="nowrap"
                        title={[line.why, line.tests.join(", "), line.cells.join(", ")]
                          .filter(Boolean)
                          .join("\n")}
                      >
                        {mark ? (
                          <>
                            <span aria-hidden="true">{mark.glyph}</span>
                            <span class={line.mark === "not-executed" ? "" : "for-ears"}>
                              {" "}
                              {mark.word}
                            </span>
                            {line.testCount > 0 ? ` ${line.testCount} tests` : ""}
                          </>
                        ) : null}
                      </td>
                      <td>
                        <code>
                          {line.kind === "@" ? "" : line.kind}
                          {line.text}
                        </code>
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </details>
      ))}
    </Section>
  );
}

export function StaticSide({ report }: { report: RunReport }) {
  const side = report.staticSide;
  if (!side || (side.checks.length === 0 && side.growths.length === 0 && side.patches.length === 0))
    return null;
  return (
    <Section
      title="Without running it"
      id="static"
      note={`${side.checks.length === 0 ? "nothing new" : `${side.checks.length} new`} from compiler, sparse and checkpatch; ${side.growths.length} symbols grow`}
    >
      {side.checks.length > 0 ? (
        <table class="cards">
          <thead>
            <tr>
              <th>Patch</th>
              <th>Tool</th>
              <th>Where</th>
              <th>What</th>
            </tr>
          </thead>
          <tbody>
            {side.checks.map((check, i) => (
              <tr key={i}>
                <td>{check.patch}</td>
                <td class="nowrap">
                  {check.tool} {check.level}
                </td>
                <td>
                  <code>
                    {check.file}
                    {check.line > 0 ? `:${check.line}` : ""}
                  </code>
                </td>
                <td>{check.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {side.growths.length > 0 ? (
        <details>
          <summary>What grows</summary>
          <table>
            <thead>
              <tr>
                <th>Symbol</th>
                <th class="num">Patch</th>
                <th class="num">Size</th>
                <th class="num">Stack frame</th>
              </tr>
            </thead>
            <tbody>
              {side.growths.map((g) => (
                <tr key={`${g.patch}/${g.symbol}/${g.object}`}>
                  <th scope="row">
                    <code>{g.symbol}</code> <span class="soft">{g.object}</span>
                  </th>
                  <td class="num">{g.patch}</td>
                  <td class="num">
                    {bytes(Number(g.sizeBefore))} → {bytes(Number(g.sizeAfter))}
                  </td>
                  <td class="num">
                    {bytes(Number(g.stackBefore))} → {bytes(Number(g.stackAfter))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      ) : null}
      {side.patches.map((p) => (
        <p key={p.patch} class="soft">
          Patch {p.patch}: {p.tools.join(", ")} over {p.objects} objects ({side.config}); {p.older}{" "}
          older warnings there
        </p>
      ))}
      {side.notes.map((note) => (
        <p key={note} class="soft">
          {note}
        </p>
      ))}
    </Section>
  );
}
