// One finding: what, why, and the evidence side by side.
import { create } from "@bufbuild/protobuf";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import { decide, inbox } from "../api/findings";
import { historyOf } from "../api/history";
import { useResource } from "../api/resource";
import { type FindingRow, FindingRowSchema } from "../gen/kiln/v1/findings_pb";
import type { BisectionStep, Finding, KernelReport, RunReport } from "../gen/kiln/v1/report_pb";
import { causeOf, configWords, evidenceOf } from "../lib/cells";
import { count, shortTest, textOf } from "../lib/format";
import { letterOf, letterWords } from "../lib/grid";
import { confidenceWords, groups, keyOf, rowsOfReport, split } from "../lib/inbox";
import { classOf } from "../lib/loglines";
import { markOfClass } from "../lib/marks";
import { to } from "../lib/route";
import { Decisions, mayNotDecide, useDecisions } from "../ui/decide";
import { Act, Chip, Command, Empty, Head, Panel, Section, Time } from "../ui/parts";
import { CountsTable } from "../ui/run_differences";
import { mayNot, me, navigate, route, useKeys, usePage } from "../ui/shell";
import "../styles/run.css";
import "../styles/finding.css";

export default function FindingPage() {
  const at = route.value;
  const run = at.page === "finding" ? at.run : 0n;
  const id = at.page === "finding" ? at.finding : "";
  const report = useResource(
    `report/${run}`,
    (signal) => api.lab.getReport({ runId: run }, { signal }),
    {
      kinds: ["run", "finding", "known"],
      run,
    },
  );
  usePage(`${run}/${id}`, [
    `kiln repro ${run}/${id} --show`,
    `kiln findings dismiss ${run}/${id} --reason ...`,
    `kiln report ${run}`,
  ]);
  return (
    <>
      {report.data === undefined ? (
        <Head>
          Finding {String(run)}/{id}
        </Head>
      ) : null}
      <Panel resource={report} what={`run ${run}`} command={`kiln report ${run}`} rows={10}>
        {(data) => {
          const finding = data.findings.find((f) => f.id === id);
          return finding ? (
            <View report={data} finding={finding} reload={report.reload} />
          ) : (
            <>
              <Head>
                Finding {String(run)}/{id}
              </Head>
              <Empty attention>
                <strong>
                  Run {String(run)} has no finding {id}
                </strong>
                <span>
                  It may have been judged again. <a href={to.run(run)}>What it found now</a>
                </span>
              </Empty>
            </>
          );
        }}
      </Panel>
    </>
  );
}

function View({
  report,
  finding,
  reload,
}: {
  report: RunReport;
  finding: Finding;
  reload: () => void;
}) {
  const run = report.run!;
  const list = useResource("inbox/all", inbox, {
    kinds: ["finding", "known"],
  });
  const make = (row: Partial<FindingRow>) => create(FindingRowSchema, row as never);
  const key = `${run.id}/${finding.id}`;
  const row =
    list.data?.rows.find((r) => keyOf(r) === key) ??
    rowsOfReport(report, make).find((r) => r.finding?.id === finding.id)!;
  const stores = list.data?.stores ?? false;
  const order = groups(split(list.data?.rows ?? []).open).flatMap((g) => g.rows);
  const place = order.findIndex((r) => keyOf(r) === key);
  const go = (by: number) => {
    const next = order[place + by];
    if (next?.finding) navigate(to.finding(next.runId, next.finding.id));
  };
  const after = {
    decided: () => {
      // The next undecided, else back to an empty page.
      const next = order[place + 1] ?? order[place - 1];
      if (next?.finding && keyOf(next) !== key) navigate(to.finding(next.runId, next.finding.id));
      else navigate("/review");
    },
    changed: () => {
      reload();
      list.reload();
    },
  };
  const decisions = useDecisions(() => [row], stores, after);
  const evidence = evidenceOf(finding.evidence);
  useKeys({
    "[": () => go(-1),
    "]": () => go(1),
    j: () => go(1),
    k: () => go(-1),
    Escape: () => navigate("/review"),
    l: () => evidence && navigate(to.log(run.id, evidence.session, "console", evidence.line)),
  });
  useEffect(() => {
    const name = me.value?.name;
    if (stores && name && !mayNot("submitter") && !row.seenBy.includes(name))
      void decide([row], "seen").catch(() => {});
  }, [key, stores]);
  const mark = markOfClass(finding.class);
  const name = finding.test ? shortTest(finding.test) : causeOf(finding.kernel) || finding.summary;
  return (
    <article>
      <Head
        side={
          place >= 0 ? (
            <span class="soft">
              {place + 1} of {order.length} to decide
            </span>
          ) : null
        }
      >
        <Chip mark={mark} bare />
        <span class="soft">{key}</span> <code class="name">{name}</code>
        {finding.also.length > 0 ? <span class="soft"> +{finding.also.length}</span> : null}
      </Head>
      <div
        class={`verdict ${mark.role === "worse" ? "worse" : mark.role === "attention" ? "attention" : ""}`}
      >
        <p class="say prose">{finding.explain || finding.summary}</p>
        <dl class="facts">
          <div>
            <dt>class</dt>
            <dd>{mark.word}</dd>
          </div>
          {finding.confidence > 0 ? (
            <div>
              <dt>sure</dt>
              <dd>{confidenceWords(finding.confidence)}</dd>
            </div>
          ) : null}
          {finding.patch ? (
            <div>
              <dt>brought by</dt>
              <dd>patch {finding.patch}</dd>
            </div>
          ) : null}
          <div>
            <dt>run</dt>
            <dd>
              <a href={to.run(run.id)}>{String(run.id)}</a>{" "}
              <span class="soft">{run.title || run.jobName}</span>
            </dd>
          </div>
          <div>
            <dt>seen</dt>
            <dd>
              <Time time={run.finished} long />
              {row.timesSeen > 1 ? `, in ${row.timesSeen} runs` : ""}
            </dd>
          </div>
          <div>
            <dt>state</dt>
            <dd>
              {finding.known || row.state || "open"}
              {row.decision ? ` (${row.decision.who}: ${row.decision.reason})` : ""}
              {row.owner ? `, ${row.owner}'s` : ""}
            </dd>
          </div>
        </dl>
        <div class="toolbar no-print" role="toolbar" aria-label="Decisions">
          <Act k="a" why={mayNot("keeper")} onPress={decisions.known}>
            Accept as known
          </Act>
          <Act k="r" why={mayNot("submitter")} onPress={decisions.rerun}>
            Run again
          </Act>
          <Act k="d" why={mayNotDecide(stores)} onPress={decisions.dismiss}>
            Dismiss
          </Act>
          <Act k="s" why={mayNotDecide(stores)} onPress={decisions.snooze}>
            Snooze
          </Act>
          <Act k="m" why={mayNotDecide(stores, "submitter")} onPress={decisions.mine}>
            Mine
          </Act>
        </div>
      </div>
      <Section title="In which kernels">
        <CountsTable finding={finding} />
        {finding.interaction ? <p>→ {finding.interaction}</p> : null}
        {finding.prior ? <p class="soft">{finding.prior}</p> : null}
      </Section>
      {finding.bisection.length > 0 ? (
        <Bisection run={run.id} steps={finding.bisection} patch={finding.patch} />
      ) : null}
      <Evidence report={report} finding={finding} />
      {finding.also.length > 0 ? (
        <Section title="Of the same cause" note={`${finding.also.length} more tests`}>
          <ul class="also">
            {finding.also.map((test) => (
              <li key={test}>
                <a href={to.test(test)}>
                  <code>{shortTest(test)}</code>
                </a>
              </li>
            ))}
          </ul>
        </Section>
      ) : null}
      <Section title="History and repeating">
        {finding.test ? <History test={finding.test} /> : null}
        <p class="row">
          {finding.test ? <a href={to.test(finding.test)}>This test in all runs</a> : null}
          {finding.reproduce ? <Command text={finding.reproduce} /> : null}
        </p>
      </Section>
      <Decisions after={after} />
    </article>
  );
}

/** The newest runs of this test, a mark a run; what it was in the most of them says if it is new. */
function History({ test }: { test: string }) {
  const resource = useResource(`history/${test}`, (signal) => historyOf(test, signal), {
    kinds: ["run"],
  });
  return (
    <Panel resource={resource} what="its history" rows={2}>
      {({ grid }) => {
        const row = grid?.tests[0];
        if (!grid || !row) return null;
        const line = (name: string, letters: string) => {
          const glyphs = [...letters].map((l) => letterWords[letterOf(l)]);
          const bad = [...letters].filter((l) => l === "F" || l === "~" || l === "L").length;
          const ran = [...letters].filter((l) => l !== " ").length;
          return ran === 0 ? null : (
            <p>
              <span class="soft history-name">{name}</span>{" "}
              <span class="strip" role="img" aria-label={`bad in ${bad} of ${ran} runs`}>
                {glyphs.map((g) => g.glyph || " ").join("")}
              </span>{" "}
              <span class="soft">
                bad in {bad} of {count(ran, "run", "runs")}
              </span>
            </p>
          );
        };
        return (
          <>
            {line("HIGHMEM on", row.on)}
            {line("HIGHMEM off", row.off)}
          </>
        );
      }}
    </Panel>
  );
}

/** base ok 6 ── 1/3 ▼1 ── patched ▼6 */
function Bisection({ run, steps, patch }: { run: bigint; steps: BisectionStep[]; patch: string }) {
  return (
    <Section title="Bisection" note={patch ? `patch ${patch} brings it` : "goes on"}>
      <ol class="bisection">
        {steps.map((step) => (
          <li key={`${step.variant}/${step.config}`} class={step.bad > 0 ? "bad-step" : ""}>
            <span class="soft">
              {step.variant.replace("prefix-", "first ").replace("without-", "without ")}
            </span>{" "}
            <span class="strong">
              {step.bad > 0 ? "▼ " : "· "}
              {step.bad}/{step.runs} bad
            </span>{" "}
            <span class="soft">{configWords(step.config)}</span>
            {step.sessionIds[0] !== undefined ? (
              <a class="gap left" href={to.log(run, step.sessionIds[0], "console")}>
                console
              </a>
            ) : null}
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** A session of each side, and the kernel's words there. */
function Evidence({ report, finding }: { report: RunReport; finding: Finding }) {
  const all = useSignal(false);
  const sideOf = (variant: string) => {
    const counts = finding.counts.filter((c) => c.variant === variant);
    const ids = counts.flatMap((c) => c.sessionIds);
    const found = evidenceOf(finding.evidence);
    const id = found && ids.includes(found.session) ? found.session : ids[0];
    const session = report.sessions.find((s) => s.id === id);
    const reports =
      session?.kernel.filter(
        (k) =>
          !finding.test ||
          k.test === "" ||
          k.test === finding.test ||
          finding.also.includes(k.test),
      ) ?? [];
    const result = session?.results.find((r) => r.test === finding.test);
    return {
      id,
      session,
      reports,
      result,
      line: found && found.session === id ? found.line : undefined,
    };
  };
  const base = sideOf("baseline");
  const patched = sideOf("patched");
  const own = finding.kernel;
  const side = (name: string, s: ReturnType<typeof sideOf>, reports: readonly KernelReport[]) => (
    <section class="side" aria-label={name}>
      <h3>
        {name}{" "}
        {s.id !== undefined ? (
          <span class="soft">
            session {String(s.id)}
            {["console", "dmesg"].map((what) => (
              <a
                key={what}
                class="gap left"
                href={to.log(report.run!.id, s.id!, what, what === "console" ? s.line : undefined)}
              >
                {what}
              </a>
            ))}
          </span>
        ) : null}
      </h3>
      {s.result ? (
        <p>
          <strong>{s.result.outcome}</strong> <span class="words">{s.result.reason}</span>
        </p>
      ) : (
        <p class="soft">{s.id === undefined ? "not booted" : "no result of this test"}</p>
      )}
      {reports.length > 0 ? (
        reports.slice(0, all.value ? 50 : 2).map((k, i) => (
          <div key={i}>
            <p>
              <code>{causeOf([k])}</code> {k.seen ? <span class="soft">{k.seen}</span> : null}
            </p>
            <LogText text={textOf(k.text)} />
          </div>
        ))
      ) : s.result && s.result.kernelWords.length > 0 ? (
        <LogText text={textOf(s.result.kernelWords)} />
      ) : (
        <p class="soft">the kernel said nothing</p>
      )}
      {reports.length > 2 ? (
        <button type="button" class="plain" onClick={() => (all.value = !all.value)}>
          {all.value ? "less" : `${reports.length - 2} more`}
        </button>
      ) : null}
    </section>
  );
  return (
    <Section title="Evidence">
      <div class="sides">
        {side("Baseline", base, base.reports)}
        {side("With the series", patched, patched.reports.length > 0 ? patched.reports : own)}
      </div>
      {finding.evidence.length > 0 ? (
        <details>
          <summary>{finding.evidence.length} lines of evidence</summary>
          <ul>
            {finding.evidence.map((text) => (
              <li key={text} class="words">
                {text}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </Section>
  );
}

function LogText({ text }: { text: string }) {
  return (
    <pre tabIndex={0}>
      {text
        .replace(/\n+$/, "")
        .split("\n")
        .slice(0, 400)
        .map((line, i) => (
          <span key={i} class={`log-${classOf(line) || "line"}`}>
            {line}
            {"\n"}
          </span>
        ))}
    </pre>
  );
}
