// One run: the verdict first, then what it rests on.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { RunEvent } from "../gen/kiln/v1/lab_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";
import { duration } from "../lib/format";
import { markOfResult } from "../lib/marks";
import { to } from "../lib/route";
import { Act, Chip, Command, Head, Panel, Section, Time } from "../ui/parts";
import { Builds } from "../ui/run_builds";
import { Claims, NotTested, StaticSide } from "../ui/run_claims";
import { Differences, liveCells, MatrixTable } from "../ui/run_differences";
import { Performance } from "../ui/run_performance";
import { Sessions } from "../ui/run_sessions";
import { mayNot, navigate, route, say, usePage } from "../ui/shell";
import "../styles/run.css";

export default function RunPage() {
  const run = route.value.page === "run" ? route.value.run : 0n;
  const resource = useResource(
    `report/${run}`,
    (signal) => api.lab.getReport({ runId: run }, { signal }),
    {
      kinds: ["run", "finding", "known"],
      run,
    },
  );
  usePage(`Run ${run}`, [`kiln report ${run}`, `kiln show ${run}`]);
  return (
    <>
      {resource.data === undefined ? <Head>Run {String(run)}</Head> : null}
      <Panel resource={resource} what={`run ${run}`} command={`kiln report ${run}`} rows={12}>
        {(report) => <Report report={report} reload={resource.reload} />}
      </Panel>
    </>
  );
}

function roleOf(report: RunReport): string {
  return markOfResult(report.verdict?.result ?? "").role;
}

function Report({ report, reload }: { report: RunReport; reload: () => void }) {
  const run = report.run!;
  const verdict = report.verdict;
  const running = run.state === "running";
  const mark = markOfResult(running ? "running" : (verdict?.result ?? ""));
  const unreached = report.reachSummary?.notExecuted ?? 0;
  const decide = report.comparisons.filter((c) => c.decides);
  const parts: [string, string, number][] = [
    ["differences", "Differences", report.findings.length],
    ["performance", "Performance", decide.length],
    ["claims", "Claims", report.claims.length],
    ["not-tested", "Not tested", report.notTested.length + unreached],
    ["builds", "Builds", report.builds.length],
    ["sessions", "Sessions", report.sessions.length],
    ["reproduce", "Reproduce", report.reproduce.length],
  ];
  return (
    <article>
      <Head
        side={
          running ? (
            <Act why={mayNot("submitter")} onPress={() => void cancel(run.id, reload)}>
              Stop
            </Act>
          ) : (
            <Act why={mayNot("submitter")} onPress={() => void retry(run.id)}>
              Run again
            </Act>
          )
        }
      >
        <span class="soft">Run {String(run.id)}</span> {run.title || run.jobName}
      </Head>
      <div class={`verdict ${running ? "" : roleOf(report)}`}>
        <p class="say">
          <Chip mark={mark} bare />
          {running ? <span class="soft">So far: </span> : null}
          {verdict?.headline || mark.word}
        </p>
        {verdict && verdict.reasons.length > 0 ? (
          <ul>
            {verdict.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        ) : null}
        {run.error && !verdict?.reasons.includes(run.error) ? <pre>{run.error}</pre> : null}
        <dl class="facts">
          <Fact name="results">
            {verdict && verdict.resultsPlanned > 0
              ? `${verdict.resultsGot} of ${verdict.resultsPlanned} planned`
              : "none planned"}
          </Fact>
          <Fact name={running ? "started" : "finished"}>
            <Time time={running ? run.started : (run.finished ?? run.started)} long />
          </Fact>
          <Fact name="took">{duration(run.elapsedSeconds)}</Fact>
          <Fact name="on">{run.source || "–"}</Fact>
          {run.machine ? <Fact name="machine">{run.machine}</Fact> : null}
          {report.series && report.series.patches.length > 0 ? (
            <Fact name="series">
              {report.series.patches.length}{" "}
              {report.series.patches.length === 1 ? "patch" : "patches"}
              {report.series.version > 1 ? `, v${report.series.version}` : ""}
            </Fact>
          ) : null}
        </dl>
        {running ? <Progress run={run.id} /> : null}
      </div>
      <nav class="parts no-print" aria-label="Parts of the report">
        {parts
          .filter(([, , n]) => n > 0)
          .map(([id, name, n]) => (
            <a key={id} href={`#${id}`}>
              {name} <span class="soft">{n}</span>
            </a>
          ))}
      </nav>
      <MatrixTable report={report} />
      <Differences report={report} />
      <Before report={report} />
      <Performance report={report} />
      <Claims report={report} />
      <NotTested report={report} />
      <StaticSide report={report} />
      <Builds report={report} />
      <Sessions report={report} />
      {report.reproduce.length > 0 ? (
        <Section title="Reproduce" id="reproduce">
          {report.reproduce.map((text) => (
            <p key={text}>
              <Command text={text} />
            </p>
          ))}
        </Section>
      ) : null}
    </article>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What the version before and the last good night say. */
function Before({ report }: { report: RunReport }) {
  const { predecessor, lastGoodNight } = report;
  if (!predecessor && !lastGoodNight) return null;
  return (
    <Section title="Against what was before" id="before">
      {predecessor ? (
        <p>
          v{predecessor.version} (
          <a href={`/run/${predecessor.runId}`}>run {String(predecessor.runId)}</a>): fixed{" "}
          {predecessor.fixed.length}, broke {predecessor.broke.length}, still{" "}
          {predecessor.still.length}.{" "}
          <span class="soft">{predecessor.changedPatches.join("; ")}</span>
        </p>
      ) : null}
      {lastGoodNight ? (
        <>
          <p>
            Last good night of {lastGoodNight.schedule}:{" "}
            {lastGoodNight.runId ? (
              <a href={`/run/${lastGoodNight.runId}`}>run {String(lastGoodNight.runId)}</a>
            ) : (
              "none"
            )}
            : {lastGoodNight.regressed.length} regressed, {lastGoodNight.worse.length} worse in too
            few boots to be sure, {lastGoodNight.lost.length} lost, {lastGoodNight.fixed.length}{" "}
            fixed.
          </p>
          <ul>
            {[...lastGoodNight.regressed, ...lastGoodNight.worse, ...lastGoodNight.lost].map(
              (t) => (
                <li key={`${t.test}/${t.config}`}>
                  <code>{t.test}</code> <span class="soft">{t.config}</span>: {t.before}, now{" "}
                  {t.now}
                </li>
              ),
            )}
          </ul>
        </>
      ) : null}
    </Section>
  );
}

/** The run's events while it goes on; the newest few. */
function Progress({ run }: { run: bigint }) {
  const events = useSignal<RunEvent[]>([]);
  const why = useSignal("");
  const suspects = useSignal<RunEvent[]>([]);
  const boots = useSignal<ReadonlyMap<bigint, RunEvent>>(new Map());
  useEffect(() => {
    liveCells.value = new Map();
    const own = new AbortController();
    const follow = async () => {
      let from = 0n;
      for (let tries = 0; tries < 100 && !own.signal.aborted; tries += 1) {
        try {
          for await (const event of api.labStream.watchRun(
            { runId: run, fromSeq: from },
            { signal: own.signal },
          )) {
            from = event.seq + 1n;
            why.value = "";
            if (event.cell && event.state)
              liveCells.value = new Map(liveCells.value).set(event.cell, {
                state: event.state,
                done: event.done,
                total: event.total,
              });
            if (event.kind === "session" && event.sessionId > 0n) {
              const now = new Map(boots.value);
              if (event.state === "starting") now.set(event.sessionId, event);
              else if (event.state === "done") now.delete(event.sessionId);
              boots.value = now;
            }
            if (event.kind === "suspect") suspects.value = [...suspects.value, event];
            if (event.kind !== "console") events.value = [...events.value.slice(-7), event];
            if (event.kind === "finished") return;
          }
          return;
        } catch (error) {
          if (own.signal.aborted) return;
          why.value = problem(error).title;
          await new Promise((done) => setTimeout(done, 3000));
        }
      }
    };
    void follow();
    return () => own.abort();
  }, [run]);
  const last = [...events.value].reverse().find((e) => e.total > 0);
  return (
    <div class="progress">
      {suspects.value.slice(-5).map((event) => (
        <p key={String(event.seq)} class="strong">
          <Chip mark={markOfResult("inconclusive")} bare />
          suspected: {event.text}
        </p>
      ))}
      {last ? (
        <>
          <progress
            max={last.total}
            value={last.done}
            aria-label={`${last.done} of ${last.total}`}
          />
          <span class="soft">
            {last.done} of {last.total}
            {last.remainingSeconds > 0 ? `, about ${duration(last.remainingSeconds)} left` : ""}
          </span>
        </>
      ) : null}
      {[...boots.value].slice(-20).map(([id, event]) => (
        <p key={String(id)}>
          <span class="soft">{event.cell}</span> {event.text.replace(" starts on ", " on ")}{" "}
          <a href={to.log(run, id, "console")}>console of session {String(id)}</a>
        </p>
      ))}
      <ol class="events">
        {events.value.map((event) => (
          <li key={String(event.seq)}>
            <Time time={event.time} /> <span class="soft">{event.cell}</span> {event.text}
          </li>
        ))}
      </ol>
      {why.value ? <p class="soft">{why.value}; it is tried again.</p> : null}
    </div>
  );
}

async function retry(run: bigint) {
  try {
    const started = await api.lab.retryRun({ runId: run });
    say(`Run ${started.runId} ${started.resumed ? "goes on" : "is started"}`);
    navigate(`/run/${started.runId}`);
  } catch (error) {
    const p = problem(error);
    say(`Not started: ${p.detail || p.title}`);
  }
}

async function cancel(run: bigint, reload: () => void) {
  try {
    await api.lab.cancelRun({ runId: run });
    say(`Run ${run} is being stopped; what it has is kept`);
    reload();
  } catch (error) {
    const p = problem(error);
    say(`Not stopped: ${p.detail || p.title}`);
  }
}
