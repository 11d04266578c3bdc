// The lab's machines: how each is, since when and why; hold and release.
import { useSignal } from "@preact/signals";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { Machine } from "../gen/kiln/v1/machines_pb";
import { matches, parseFilter } from "../lib/filter";
import { count, duration } from "../lib/format";
import { markOfMachine } from "../lib/marks";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Boot } from "../ui/boot";
import { NothingMatches } from "../ui/nothing";
import {
  Act,
  Chip,
  Command,
  Dialog,
  Empty,
  Field,
  FilterBox,
  Head,
  Panel,
  Section,
  Time,
} from "../ui/parts";
import { mayNot, me, query, say, usePage } from "../ui/shell";

const keys = ["name", "state", "agent", "tag", "host"] as const;
const fields = (m: Machine) => ({
  name: m.name,
  state: m.state,
  agent: m.agent,
  tag: m.tags,
  host: m.host,
  why: m.why,
});

const order = [
  "broken",
  "quarantined",
  "away",
  "held",
  "busy",
  "preparing",
  "ready",
  "draining",
  "retired",
];

export default function Machines() {
  const q = query.value.get("q") ?? "";
  const filter = parseFilter(q, keys);
  const resource = useResource("machines", (signal) => api.machines.listMachines({}, { signal }), {
    kinds: ["machine", "queue"],
  });
  const agents = useResource("agents", (signal) => api.machines.listAgents({}, { signal }), {
    kinds: ["machine"],
  });
  const holding = useSignal<Machine | undefined>(undefined);
  const booting = useSignal("");
  usePage("Machines", [command("kiln machines", ...(q ? ["--where", q] : [])), "kiln agents"]);
  const act = async (
    words: string,
    work: () => Promise<unknown>,
    undo?: () => Promise<unknown>,
  ) => {
    try {
      await work();
      say(
        words,
        undo
          ? () => {
              void undo().then(
                () => {
                  say("Undone");
                  resource.reload();
                },
                (error) => say(`Not undone: ${problem(error).detail}`),
              );
            }
          : undefined,
      );
    } catch (error) {
      const p = problem(error);
      say(`Not done: ${p.detail || p.title}`);
    }
    resource.reload();
  };
  return (
    <>
      <Head
        side={<FilterBox value={q} problems={filter.problems} hint="state:quarantined tag:gen9" />}
      >
        Machines
      </Head>
      <section aria-label="Machines">
        <Panel resource={resource} what="the machines" command="kiln machines" rows={6}>
          {(data) => {
            const rows = data.machines
              .filter((m) => matches(filter, fields(m)))
              .sort(
                (a, b) =>
                  order.indexOf(a.state) - order.indexOf(b.state) || (a.name < b.name ? -1 : 1),
              );
            if (data.machines.length === 0)
              return (
                <Empty>
                  <strong>No machine is known here</strong>
                  <span>
                    <code>kiln-agent</code> on a computer with machines brings them.
                  </span>
                </Empty>
              );
            if (rows.length === 0)
              return <NothingMatches q={q} rows={data.machines.map(fields)} filterKeys={keys} />;
            return (
              <table class="cards">
                <thead>
                  <tr>
                    <th>Machine</th>
                    <th>State</th>
                    <th>Why</th>
                    <th>Works for</th>
                    <th>Tags</th>
                    <th>Agent</th>
                    <th>Do</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((m) => (
                    <Row
                      key={m.name}
                      m={m}
                      act={act}
                      hold={() => (holding.value = m)}
                      boot={() => (booting.value = m.name)}
                    />
                  ))}
                </tbody>
              </table>
            );
          }}
        </Panel>
      </section>
      <Section title="Agents">
        <Panel resource={agents} what="the agents" command="kiln agents" rows={2}>
          {(data) =>
            data.agents.length === 0 ? (
              <p class="soft">None has come in yet.</p>
            ) : (
              <table class="cards">
                <thead>
                  <tr>
                    <th>Agent</th>
                    <th>State</th>
                    <th>Version</th>
                    <th>Machines</th>
                    <th>Clock</th>
                  </tr>
                </thead>
                <tbody>
                  {data.agents.map((a) => (
                    <tr key={a.name}>
                      <th scope="row">{a.name}</th>
                      <td>{a.connected ? "· connected" : <Chip mark={markOfMachine("away")} />}</td>
                      <td data-name="version">{a.version}</td>
                      <td data-name="machines">{a.machines.join(", ")}</td>
                      <td data-name="clock">
                        {Math.abs(a.clockOffsetSeconds) < 2
                          ? "right"
                          : `${duration(Math.abs(a.clockOffsetSeconds))} ${a.clockOffsetSeconds > 0 ? "ahead" : "behind"}`}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          }
        </Panel>
      </Section>
      {booting.value ? (
        <Boot
          machine={booting.value}
          close={() => (booting.value = "")}
          take={(wish) => {
            booting.value = "";
            void act(`${wish.machine} boots`, () => api.machines.bootMachine(wish));
          }}
        />
      ) : null}
      {holding.value ? (
        <Hold
          machine={holding.value}
          close={() => (holding.value = undefined)}
          take={(reason, seconds) => {
            const name = holding.value!.name;
            holding.value = undefined;
            void act(
              `${name} is yours for ${duration(seconds)}`,
              () => api.machines.holdMachine({ machine: name, reason, seconds }),
              () => api.machines.releaseMachine({ machine: name }),
            );
          }}
        />
      ) : null}
    </>
  );
}

type Do = (
  words: string,
  work: () => Promise<unknown>,
  undo?: () => Promise<unknown>,
) => Promise<void>;

function Row({ m, act, hold, boot }: { m: Machine; act: Do; hold: () => void; boot: () => void }) {
  const open = useSignal(false);
  const mine = m.hold?.user === me.value?.name;
  const facts = Object.entries(m.facts).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <>
      <tr>
        <th scope="row">
          <button
            type="button"
            class="plain"
            aria-expanded={open.value}
            onClick={() => (open.value = !open.value)}
          >
            {m.name}
          </button>
        </th>
        <td class="nowrap">
          <Chip mark={markOfMachine(m.state)} />
        </td>
        <td>
          {m.hold ? (
            <>
              {m.hold.user} until <Time time={m.hold.until} />: {m.hold.reason}
            </>
          ) : (
            m.why
          )}
          {m.visit ? (
            <div class="soft">
              {m.visit.kernel} {m.visit.state}
              {m.visit.why ? `: ${m.visit.why}` : ""}
            </div>
          ) : null}
          {m.check ? <div class="soft">{m.check}</div> : null}
          {m.errorsInARow > 0 ? (
            <div class="soft">{count(m.errorsInARow, "error", "errors")} in a row</div>
          ) : null}
        </td>
        <td data-name="works for">
          {m.runId > 0n ? <a href={to.run(m.runId)}>run {String(m.runId)}</a> : ""}
        </td>
        <td data-name="tags" class="soft">
          {m.tags.join(", ")}
          {m.emulated ? " emulated" : ""}
        </td>
        <td data-name="agent">{m.agent}</td>
        <td>
          <span class="row">
            <a href={to.machine(m.name)}>History</a>
            <a href={to.console(m.name)}>Console</a>
            {m.hold && mine ? (
              <Act why={mayNot("submitter")} onPress={boot}>
                Boot
              </Act>
            ) : null}
            {m.hold ? (
              <Act
                why={mine ? mayNot("submitter") : mayNot("keeper")}
                onPress={() =>
                  void act(`${m.name} is given back`, () =>
                    api.machines.releaseMachine({ machine: m.name }),
                  )
                }
              >
                Release
              </Act>
            ) : (
              <Act why={mayNot("submitter")} onPress={hold}>
                Hold
              </Act>
            )}
            {m.state === "quarantined" ? (
              <Act
                why={mayNot("keeper")}
                onPress={() =>
                  void act(`${m.name} works again`, () => api.machines.restore({ machine: m.name }))
                }
              >
                Restore
              </Act>
            ) : m.state === "draining" || m.state === "retired" ? (
              <Act
                why={mayNot("keeper")}
                onPress={() =>
                  void act(`${m.name} is in service`, () =>
                    api.machines.setIntent({ machine: m.name, intent: "in-service" }),
                  )
                }
              >
                Resume
              </Act>
            ) : (
              <Act
                why={mayNot("keeper")}
                onPress={() =>
                  void act(
                    `${m.name} finishes and takes nothing new`,
                    () =>
                      api.machines.setIntent({
                        machine: m.name,
                        intent: "draining",
                        why: "by the dashboard",
                      }),
                    () => api.machines.setIntent({ machine: m.name, intent: "in-service" }),
                  )
                }
              >
                Drain
              </Act>
            )}
          </span>
        </td>
      </tr>
      {open.value ? (
        <tr>
          <td colSpan={7}>
            {facts.length > 0 ? (
              <dl class="facts">
                {facts.map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd class="words">{value}</dd>
                  </div>
                ))}
              </dl>
            ) : (
              <p class="soft">No facts are known.</p>
            )}
            {m.host ? <p class="soft">takes time of {m.host}</p> : null}
          </td>
        </tr>
      ) : null}
    </>
  );
}

function Hold({
  machine,
  close,
  take,
}: {
  machine: Machine;
  close: () => void;
  take: (reason: string, seconds: number) => void;
}) {
  const reason = useSignal("");
  const hours = useSignal(1);
  const queue = useResource("queue", (signal) => api.machines.listQueue({}, { signal }));
  const waiting = queue.data?.waiting.length ?? 0;
  const why = reason.value.trim() ? "" : "the others want to know why";
  return (
    <Dialog title={`Hold ${machine.name}`} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!why) take(reason.value.trim(), hours.value * 3600);
        }}
      >
        <p>
          {machine.state === "busy" ? "Its session ends first. " : ""}
          {waiting > 0
            ? `${waiting} ${waiting === 1 ? "job waits" : "jobs wait"} in the queue.`
            : "Nobody waits."}
        </p>
        <Field label="What for">
          <input
            data-first
            value={reason.value}
            maxLength={200}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        </Field>
        <Field label="How long">
          <select
            value={String(hours.value)}
            onChange={(event) => (hours.value = Number(event.currentTarget.value))}
          >
            {[0.5, 1, 2, 4, 6].map((h) => (
              <option key={h} value={String(h)}>
                {duration(h * 3600)}
              </option>
            ))}
          </select>
        </Field>
        <p class="row">
          <Act kind="main" why={why} onPress={() => take(reason.value.trim(), hours.value * 3600)}>
            Hold it
          </Act>
        </p>
        <Command
          text={command(
            "kiln hold",
            machine.name,
            "--for",
            `${hours.value * 60}m`,
            "--reason",
            reason.value || "...",
          )}
        />
      </form>
    </Dialog>
  );
}
