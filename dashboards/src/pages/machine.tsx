// One machine: what it did, when it was at fault and for how long, and its noise.
import { useSignal } from "@preact/signals";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { MachineHistoryReply, MachineSession } from "../gen/kiln/v1/history_pb";
import { configWords } from "../lib/cells";
import { count, dateOf, duration, number, percent } from "../lib/format";
import { markOfEnding, markOfMachine } from "../lib/marks";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { busyShare, howOf, type Spell, spansOf, windowOf } from "../lib/timeline";
import { Chip, Empty, Head, Panel, Section, Time } from "../ui/parts";
import { navigate, route, say, useKeys, usePage } from "../ui/shell";
import "../styles/machine.css";

export default function MachinePage() {
  const at = route.value;
  if (at.page !== "machine") return null;
  return <MachineView key={at.machine} name={at.machine} />;
}

function MachineView({ name }: { name: string }) {
  const line = command("kiln history machine", name, "--limit", "200");
  usePage(name, [line]);
  useKeys({ Escape: () => navigate("/machines") });
  const history = useResource(
    `machine/${name}`,
    (signal) => api.history.machineHistory({ machine: name, limit: 200 }, { signal }),
    { kinds: ["machine"] },
  );
  const machines = useResource("machines", (signal) => api.machines.listMachines({}, { signal }), {
    kinds: ["machine"],
  });
  const now = machines.data?.machines.find((m) => m.name === name);
  return (
    <>
      <Head side={<a href={to.console(name)}>Console</a>}>
        <a href="/machines" class="soft">
          Machines
        </a>{" "}
        {name}
      </Head>
      {now ? (
        <p>
          <Chip mark={markOfMachine(now.state)} /> {now.why}{" "}
          {now.runId > 0n ? <a href={to.run(now.runId)}>run {String(now.runId)}</a> : null}{" "}
          <span class="soft">
            {now.tags.join(", ")} {now.agent ? `of ${now.agent}` : ""}
          </span>
        </p>
      ) : null}
      <Panel resource={history} what={name} command={line} rows={8}>
        {(data) => <History name={name} data={data} />}
      </Panel>
    </>
  );
}

function spellOf(s: MachineSession, now: number): Spell | undefined {
  const began = dateOf(s.started)?.getTime();
  if (began === undefined) return undefined;
  return {
    id: s.id,
    begin: began,
    end: s.ending === "" ? now : began + s.seconds * 1000,
    how: howOf(s),
    words: `session ${s.id}, run ${s.runId}: ${s.ending || "goes on"}`,
  };
}

function Timeline({ sessions }: { sessions: readonly MachineSession[] }) {
  const now = Date.now();
  const spells = sessions.flatMap((s) => spellOf(s, now) ?? []);
  const window = windowOf(spells, now);
  const spans = spansOf(spells, window);
  if (spans.length === 0) return <p class="soft">Nothing ran in the last 24 hours.</p>;
  const bad = spans.filter((s) => s.how === "bad").length;
  const words = `${count(spans.length, "session", "sessions")} in ${duration((window[1] - window[0]) / 1000)}, busy ${Math.round(100 * busyShare(spells, window))} % of it${bad ? `, ${bad} at the lab's fault` : ""}`;
  return (
    <figure class="timeline">
      <div class="timeline-line" role="img" aria-label={words}>
        {spans.map((s) => (
          <span
            key={String(s.id)}
            class={`spell ${s.how}`}
            title={s.words}
            style={{ left: `${s.left}%`, width: `${s.width}%` }}
          />
        ))}
      </div>
      <figcaption class="row soft">
        <Time date={new Date(window[0])} />
        <span>{words}</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

function History({ name, data }: { name: string; data: MachineHistoryReply }) {
  const more = useSignal<readonly MachineSession[]>([]);
  const over = useSignal(false);
  const onlyBad = useSignal(false);
  const sessions = [...data.sessions, ...more.value];
  const bad = sessions.filter((s) => s.ending !== "tested" && s.ending !== "");
  const shown = onlyBad.value ? bad : sessions;
  const older = async () => {
    try {
      const last = sessions[sessions.length - 1]!;
      const reply = await api.history.machineHistory({
        machine: name,
        limit: 500,
        beforeSession: last.id,
      });
      more.value = [...more.value, ...reply.sessions];
      over.value = reply.sessions.length < 500;
    } catch (error) {
      say(`Not loaded: ${problem(error).title}`);
    }
  };
  return (
    <>
      <Timeline sessions={sessions} />
      <Section title={`In ${data.days} days`}>
        {data.endings.length === 0 ? (
          <p class="soft">Nothing has ended.</p>
        ) : (
          <table class="cards">
            <thead>
              <tr>
                <th>Ended</th>
                <th>Class</th>
                <th class="num">Sessions</th>
                <th class="num">Share</th>
                <th class="num">Time</th>
              </tr>
            </thead>
            <tbody>
              {data.endings.map((e) => (
                <tr key={`${e.ending}/${e.errorClass}`}>
                  <td>
                    <Chip mark={markOfEnding(e.ending)} />
                  </td>
                  <td data-name="class">{e.errorClass}</td>
                  <td class="num" data-name="sessions">
                    {e.sessions}
                  </td>
                  <td class="num" data-name="share">
                    {percent(
                      (100 * e.sessions) / data.endings.reduce((sum, one) => sum + one.sessions, 0),
                    ).replace(/^\+/, "")}
                  </td>
                  <td class="num" data-name="time">
                    {duration(e.seconds)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Section>
      <Section title="Noise" note="from pairs of the baseline against itself">
        {data.noise.length === 0 ? (
          <p class="soft">It has no two such pairs of any figure yet.</p>
        ) : (
          <div class="scroll">
            <table class="cards">
              <thead>
                <tr>
                  <th>Figure</th>
                  <th class="num">Pairs</th>
                  <th class="num">Spread of a pair</th>
                  <th class="num">Six pairs show</th>
                  <th>False alarms</th>
                </tr>
              </thead>
              <tbody>
                {data.noise.map((n) => (
                  <tr key={n.metric}>
                    <th scope="row">
                      <a href={to.perf(n.metric)}>{n.metric}</a>
                    </th>
                    <td class="num" data-name="pairs">
                      {n.pairs}
                    </td>
                    <td class="num" data-name="spread of a pair">
                      {number(n.sdPercent)} %
                    </td>
                    <td class="num" data-name="six pairs show">
                      {n.detectablePercent > 0 ? `${number(n.detectablePercent)} %` : "–"}
                    </td>
                    <td data-name="false alarms">
                      {n.experiments > 0
                        ? `${n.alarms} in ${count(n.experiments, "comparison", "comparisons")}`
                        : "too few pairs"}
                      {n.believed ? "" : ": not believed"}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Section>
      <Section
        title="Sessions"
        note={`${sessions.length} shown, ${bad.length} not tested to the end`}
      >
        <label class="row no-print">
          <input
            type="checkbox"
            checked={onlyBad.value}
            onChange={(event) => (onlyBad.value = event.currentTarget.checked)}
          />
          only those that were not tested to the end
        </label>
        {shown.length === 0 ? (
          <Empty>
            <strong>{sessions.length === 0 ? "Nothing ran on it yet" : "All of them were"}</strong>
          </Empty>
        ) : (
          <Rows sessions={shown} />
        )}
        {data.sessions.length >= 200 && !over.value ? (
          <button type="button" class="plain" onClick={() => void older()}>
            older ones
          </button>
        ) : null}
      </Section>
    </>
  );
}

function Rows({ sessions }: { sessions: readonly MachineSession[] }) {
  return (
    <div class="scroll">
      <table class="cards">
        <thead>
          <tr>
            <th class="num">Session</th>
            <th>Started</th>
            <th>Run</th>
            <th>For</th>
            <th>Ended</th>
            <th class="num">Took</th>
            <th class="num">Then idle</th>
            <th>Console</th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((s) => (
            <tr key={String(s.id)}>
              <th scope="row" class="num">
                {String(s.id)}
              </th>
              <td class="nowrap" data-name="started">
                <Time time={s.started} />
              </td>
              <td data-name="run">
                <a href={to.run(s.runId)}>run {String(s.runId)}</a>{" "}
                <span class="soft">{s.jobName}</span>
              </td>
              <td data-name="for">
                {s.purpose}{" "}
                <span class="soft">
                  {s.variant} {configWords(s.config)}
                </span>
              </td>
              <td data-name="ended">
                {s.ending ? <Chip mark={markOfEnding(s.ending)} /> : "goes on"}
                {s.restarts > 0 ? (
                  <span class="soft"> {count(s.restarts, "restart", "restarts")}</span>
                ) : null}
                {s.error ? (
                  <div class="words">
                    {s.errorClass ? <strong>{s.errorClass} </strong> : null}
                    {s.error}
                  </div>
                ) : null}
              </td>
              <td class="num" data-name="took">
                {s.ending ? duration(s.seconds) : ""}
              </td>
              <td class="num" data-name="then idle">
                {s.idleSeconds >= 0 ? duration(s.idleSeconds) : ""}
              </td>
              <td data-name="console">
                <a href={to.log(s.runId, s.id, "console")}>console</a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
