// Boots and what ran in them, with their logs.
import { useSignal } from "@preact/signals";
import type { RunReport, Session } from "../gen/kiln/v1/report_pb";
import { configWords } from "../lib/cells";
import { duration, shortTest } from "../lib/format";
import { markOfEnding, markOfOutcome } from "../lib/marks";
import { to } from "../lib/route";
import { Chip, Section, Time } from "./parts";

const step = 40;

export function Sessions({ report }: { report: RunReport }) {
  const shown = useSignal(step);
  if (report.sessions.length === 0) return null;
  const going = report.sessions.some((s) => s.ending === "");
  const unsound = report.sessions.filter((s) => s.ending !== "tested" && s.ending !== "").length;
  return (
    <Section
      title="Sessions"
      id="sessions"
      note={`${report.sessions.length} boots${unsound ? `, ${unsound} not tested to the end` : going ? "" : ", all tested to the end"}`}
    >
      <div class="scroll">
        <table class="cards">
          <thead>
            <tr>
              <th class="num">Session</th>
              <th>Ended</th>
              <th>For</th>
              <th>Kernel</th>
              <th>Results</th>
              <th class="num">Took</th>
              <th>Logs</th>
            </tr>
          </thead>
          <tbody>
            {report.sessions.slice(0, shown.value).map((s) => (
              <SessionRow key={String(s.id)} run={report.run!.id} session={s} />
            ))}
          </tbody>
        </table>
      </div>
      {report.sessions.length > shown.value ? (
        <button type="button" class="plain" onClick={() => (shown.value += 200)}>
          {report.sessions.length - shown.value} more
        </button>
      ) : null}
    </Section>
  );
}

function SessionRow({ run, session: s }: { run: bigint; session: Session }) {
  const open = useSignal(false);
  const bad = s.results.filter((r) => !["pass", "skip"].includes(r.outcome));
  const id = s.identity;
  return (
    <>
      <tr id={`session-${s.id}`}>
        <th scope="row" class="num">
          <button
            type="button"
            class="plain"
            aria-expanded={open.value}
            onClick={() => (open.value = !open.value)}
          >
            {String(s.id)}
          </button>
        </th>
        <td class="nowrap" data-name="ended">
          <Chip mark={markOfEnding(s.ending)} />
          {s.restarts > 0 ? <span class="soft">{s.restarts} restarts</span> : null}
        </td>
        <td data-name="for">
          {s.purpose}
          {s.pair > 0 ? <span class="soft"> pair {s.pair}</span> : null}
        </td>
        <td data-name="kernel">
          {s.variant} <span class="soft">{configWords(s.config)}</span>
        </td>
        <td data-name="results">
          {s.results.length > 0
            ? `${s.results.length - bad.length} of ${s.results.length} pass or skip`
            : ""}
          {s.measurements.length > 0
            ? `${s.results.length > 0 ? ", " : ""}${s.measurements.length} figures`
            : ""}
          {s.kernel.length > 0 ? (
            <span class="strong"> {s.kernel.length} kernel reports</span>
          ) : null}
        </td>
        <td class="num" data-name="took">
          {duration(s.elapsedSeconds)}
        </td>
        <td class="nowrap" data-name="logs">
          {["console", "dmesg"]
            .filter((what) => what in s.artifacts || (s.ending === "" && what === "console"))
            .map((what) => (
              <a key={what} class="gap" href={to.log(run, s.id, what)}>
                {what}
              </a>
            ))}
        </td>
      </tr>
      {s.error ? (
        <tr>
          <td />
          <td colSpan={6} class="words">
            {s.errorClass ? <strong>{s.errorClass} </strong> : null}
            {s.error}
          </td>
        </tr>
      ) : null}
      {open.value ? (
        <tr>
          <td colSpan={7}>
            <dl class="facts">
              <div>
                <dt>started</dt>
                <dd>
                  <Time time={s.started} />
                </dd>
              </div>
              {s.machine ? (
                <div>
                  <dt>machine</dt>
                  <dd>{s.machine}</dd>
                </div>
              ) : null}
              {id ? (
                <>
                  <div>
                    <dt>proved to run</dt>
                    <dd>
                      {id.release} <code>{id.kernelBuildId.slice(0, 12)}</code>{" "}
                      {id.proved ? "✓" : "not proved"}
                    </dd>
                  </div>
                  <div>
                    <dt>high memory</dt>
                    <dd>{id.highTotalKib > 0n ? `${id.highTotalKib / 1024n} MiB` : "none"}</dd>
                  </div>
                </>
              ) : null}
              {s.phases.map((p) => (
                <div key={p.name}>
                  <dt>{p.name}</dt>
                  <dd>{duration(p.seconds)}</dd>
                </div>
              ))}
            </dl>
            {bad.length > 0 ? (
              <ul>
                {bad.slice(0, 100).map((r) => (
                  <li key={`${r.test}/${r.phase}`}>
                    <Chip mark={markOfOutcome(r.outcome)} />{" "}
                    <a href={to.test(r.test)}>
                      <code>{shortTest(r.test)}</code>
                    </a>{" "}
                    {`test:${r.test}` in s.artifacts ? (
                      <a href={to.log(run, s.id, r.test)}>output</a>
                    ) : null}{" "}
                    <span class="soft">{r.reason}</span>
                  </li>
                ))}
              </ul>
            ) : null}
          </td>
        </tr>
      ) : null}
    </>
  );
}
