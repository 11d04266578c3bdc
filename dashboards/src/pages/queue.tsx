// What runs, what waits and why, and what starts by itself.
import { useSignal } from "@preact/signals";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { QueueItem } from "../gen/kiln/v1/machines_pb";
import type { Schedule } from "../gen/kiln/v1/schedule_pb";
import { dateOfText } from "../lib/format";
import { markOfResult } from "../lib/marks";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Act, Chip, Command, Empty, Head, Panel, Section, Time } from "../ui/parts";
import { mayNot, navigate, say, usePage } from "../ui/shell";

export default function Queue() {
  const queue = useResource("queue", (signal) => api.machines.listQueue({}, { signal }), {
    kinds: ["queue", "run", "machine"],
  });
  const schedules = useResource(
    "schedules",
    (signal) => api.schedules.listSchedules({ times: 5 }, { signal }),
    {
      kinds: ["schedule", "run"],
    },
  );
  usePage("Queue", ["kiln queue", "kiln schedule list"]);
  const cancel = async (run: bigint) => {
    try {
      await api.lab.cancelRun({ runId: run });
      say(`Run ${run} is being stopped; kiln retry ${run} goes on with what it has`);
    } catch (error) {
      const p = problem(error);
      say(`Not stopped: ${p.detail || p.title}`);
    }
    queue.reload();
  };
  return (
    <>
      <Head>Queue and schedules</Head>
      <Panel resource={queue} what="the queue" command="kiln queue" rows={5}>
        {(data) => (
          <>
            {data.paused ? (
              <Empty attention>
                <strong>Nothing new is started</strong>
                <span>{data.paused}</span>
              </Empty>
            ) : null}
            <Section title="Runs now" note={String(data.running.length)}>
              {data.running.length === 0 ? (
                <p class="soft">Nothing runs.</p>
              ) : (
                <table class="cards">
                  <thead>
                    <tr>
                      <th>Run</th>
                      <th>What</th>
                      <th>Where</th>
                      <th>Since</th>
                      <th>Whose</th>
                      <th>Do</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.running.map((item, i) => (
                      <tr key={i}>
                        <th scope="row">
                          <Chip mark={markOfResult("running")} bare />
                          <a href={to.run(item.runId)}>{String(item.runId)}</a>
                        </th>
                        <td class="words">{item.what}</td>
                        <td data-name="where">{item.place}</td>
                        <td data-name="since">
                          <Time time={item.since} long />
                        </td>
                        <td data-name="whose">{item.user}</td>
                        <td>
                          <Act why={mayNot("submitter")} onPress={() => void cancel(item.runId)}>
                            Stop the run
                          </Act>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </Section>
            <Section title="Waits" note={String(data.waiting.length)}>
              {data.waiting.length === 0 ? (
                <p class="soft">Nothing waits.</p>
              ) : (
                <Waiting items={data.waiting} cancel={cancel} />
              )}
            </Section>
          </>
        )}
      </Panel>
      <Section title="Schedules">
        <Panel resource={schedules} what="the schedules" command="kiln schedule list" rows={3}>
          {(data) =>
            data.schedules.length === 0 ? (
              <Empty>
                <strong>No schedule</strong>
                <span>
                  <code>kiln schedule add NAME --cron '30 2 * * *' --job jobs/night.yaml</code>{" "}
                  makes one.
                </span>
              </Empty>
            ) : (
              data.schedules.map((s) => (
                <ScheduleRow key={s.name} s={s} reload={schedules.reload} />
              ))
            )
          }
        </Panel>
      </Section>
    </>
  );
}

function Waiting({
  items,
  cancel,
}: {
  items: QueueItem[];
  cancel: (run: bigint) => Promise<void>;
}) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th class="num">Turn</th>
          <th>Run</th>
          <th>Waits for</th>
          <th>What</th>
          <th>Since</th>
          <th>Priority</th>
          <th>Whose</th>
          <th>Do</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item, i) => (
          <tr key={i}>
            <td class="num" data-name="turn">
              {i + 1}
            </td>
            <th scope="row">
              <a href={to.run(item.runId)}>{String(item.runId)}</a>
            </th>
            <td class="strong">{item.why}</td>
            <td class="words soft">{item.what}</td>
            <td data-name="since">
              <Time time={item.since} long />
            </td>
            <td data-name="priority">{item.priority}</td>
            <td data-name="whose">{item.user}</td>
            <td>
              <Act why={mayNot("submitter")} onPress={() => void cancel(item.runId)}>
                Cancel the run
              </Act>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function ScheduleRow({ s, reload }: { s: Schedule; reload: () => void }) {
  const history = useSignal(false);
  const paused = s.paused !== undefined;
  const act = async (words: string, work: () => Promise<unknown>) => {
    try {
      await work();
      say(words);
    } catch (error) {
      const p = problem(error);
      say(`Not done: ${p.detail || p.title}`);
    }
    reload();
  };
  const next = s.next[0] ? dateOfText(s.next[0]) : undefined;
  return (
    <div class="finding">
      <h3>
        {s.name} <code>{s.cron}</code> <span class="soft">{s.zone || "UTC"}</span>{" "}
        {paused ? <strong>paused</strong> : null}
      </h3>
      {s.problem ? <p class="bad">{s.problem}</p> : null}
      <p>
        {paused ? null : next ? (
          <>
            Next <Time date={next} long />.{" "}
          </>
        ) : null}
        {s.running > 0n ? (
          <>
            <a href={to.run(s.running)}>Run {String(s.running)}</a> is under way.{" "}
          </>
        ) : null}
        {s.last ? (
          <>
            Last: {s.last.state}{" "}
            {s.last.runId > 0n ? (
              <a href={to.run(s.last.runId)}>run {String(s.last.runId)}</a>
            ) : null}{" "}
            {s.last.headline || s.last.reason}
          </>
        ) : (
          <span class="soft">It has not started yet.</span>
        )}
      </p>
      <p class="soft">
        <code>{s.jobFile}</code>; when missed {s.missed || "run-once"}, when its last run goes on{" "}
        {s.overlap || "skip"}, when nothing changed {s.unchanged || "skip"}
      </p>
      {s.next.length > 1 ? (
        <p class="soft row">
          then{" "}
          {s.next.slice(1).map((text) => (
            <Time key={text} date={dateOfText(text)} />
          ))}
        </p>
      ) : null}
      <p class="row">
        <Act
          why={mayNot("keeper")}
          onPress={() =>
            void act(`${s.name} is started`, async () => {
              const firing = await api.schedules.runNow({
                name: s.name,
                requestId: crypto.randomUUID(),
              });
              if (firing.runId > 0n) navigate(to.run(firing.runId));
            })
          }
        >
          Run now
        </Act>
        {paused ? (
          <Act
            why={mayNot("keeper")}
            onPress={() =>
              void act(`${s.name} starts by itself again`, () =>
                api.schedules.resumeSchedule({ name: s.name }),
              )
            }
          >
            Resume
          </Act>
        ) : (
          <Act
            why={mayNot("keeper")}
            onPress={() =>
              void act(`${s.name} is paused`, () => api.schedules.pauseSchedule({ name: s.name }))
            }
          >
            Pause
          </Act>
        )}
        <button
          type="button"
          class="plain"
          aria-expanded={history.value}
          onClick={() => (history.value = !history.value)}
        >
          history
        </button>
        <Command text={command("kiln schedule history", s.name)} />
      </p>
      {history.value ? <Firings name={s.name} /> : null}
    </div>
  );
}

function Firings({ name }: { name: string }) {
  const resource = useResource(
    `firings/${name}`,
    (signal) => api.schedules.listFirings({ name, limit: 30 }, { signal }),
    {
      kinds: ["schedule", "run"],
    },
  );
  return (
    <Panel resource={resource} what={`what became of ${name}`} rows={4}>
      {(data) => (
        <table class="cards">
          <thead>
            <tr>
              <th>Planned</th>
              <th>Became</th>
              <th>Run</th>
              <th>Verdict</th>
            </tr>
          </thead>
          <tbody>
            {data.firings.map((f) => (
              <tr key={f.key}>
                <th scope="row">
                  <Time date={dateOfText(f.planned)} />
                </th>
                <td>
                  {f.state}
                  {f.byHand ? " by hand" : ""}
                  {f.count > 1 ? ` (${f.count} times)` : ""}
                </td>
                <td>{f.runId > 0n ? <a href={to.run(f.runId)}>{String(f.runId)}</a> : ""}</td>
                <td>
                  {f.result ? <Chip mark={markOfResult(f.result)} bare /> : null}
                  {[f.headline, f.reason].filter(Boolean).join("; ")}
                  {f.sinceGood > 0 ? (
                    <strong> {f.sinceGood} worse than in the last good night</strong>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
