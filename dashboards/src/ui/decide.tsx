// The decisions on findings: the same keys and dialogs on Review and on a finding's page.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, problem } from "../api/client";
import { type Done, decide, nameOf, overlaid } from "../api/findings";
import type { FindingRow } from "../gen/kiln/v1/findings_pb";
import { filterFor, keyOf } from "../lib/inbox";
import type { Problem } from "../lib/problem";
import { command } from "../lib/quote";
import { KnownForm } from "./known_form";
import { Act, Command, Dialog, Fault, Field } from "./parts";
import { draft, mayNot, me, navigate, say, useKeys } from "./shell";

type Asked = { kind: "known" | "dismiss" | "snooze" | "rerun"; rows: FindingRow[] };
export const asked = signal<Asked | undefined>(undefined);

interface Undoable {
  says: string;
  undo: () => Promise<void>;
  failed?: boolean; // it was never done: there is nothing to take back
}
const past: Undoable[] = [];

export interface After {
  decided: (keys: string[]) => void; // moves the focus on
  changed: () => void; // asks for the list again
}

function remember(done: Undoable, after: After) {
  past.push(done);
  if (past.length > 50) past.shift();
  say(done.says, () => void undoLast(after));
}

export async function undoLast(after: After) {
  const last = past.pop();
  if (!last) {
    say("Nothing to undo here");
    return;
  }
  try {
    await last.undo();
    say(`Undone. ${last.says}`);
    after.changed();
  } catch (error) {
    if (last.failed) return;
    past.push(last);
    const p = problem(error);
    say(`Not undone: ${p.detail || p.title}`);
  }
}

const isProblem = (error: unknown): error is Problem =>
  typeof error === "object" && error !== null && "title" in error && "retry" in error;

async function act(rows: FindingRow[], work: () => Promise<Done>, after: After, hides: boolean) {
  if (hides) after.decided(rows.map(keyOf));
  const going = work();
  // On the stack before the answer is there: `u` right after a decision waits for it.
  const entry: Undoable = { says: "", undo: async () => (await going).undo() };
  past.push(entry);
  try {
    entry.says = (await going).says;
    if (past.includes(entry)) say(entry.says, () => void undoLast(after));
  } catch (error) {
    entry.failed = true;
    if (past.includes(entry)) past.splice(past.indexOf(entry), 1);
    const p = isProblem(error) ? error : problem(error);
    say(`Not done: ${p.detail || p.title}`);
  }
  after.changed();
}

/** Why a decision cannot be kept, "" = it can. */
export function mayNotDecide(stores: boolean, role = "keeper"): string {
  if (!stores) return "this controller keeps no decisions yet; accept as known works";
  return mayNot(role);
}

export function useDecisions(rows: () => FindingRow[], stores: boolean, after: After) {
  const ask = (kind: Asked["kind"], why: string) => {
    const chosen = rows();
    if (chosen.length === 0) return;
    if (why) {
      say(`Not possible: ${why}`);
      return;
    }
    if (kind === "known" && chosen.some((row) => !coverable(row))) {
      say("A known issue covers tests and kernel reports; this is neither. Dismiss it with d.");
      return;
    }
    asked.value = { kind, rows: chosen };
  };
  const mine = () => {
    const chosen = rows();
    const why = mayNotDecide(stores, "submitter");
    if (chosen.length === 0) return;
    if (why) {
      say(`Not possible: ${why}`);
      return;
    }
    const name = me.value?.name ?? "";
    const owner = chosen.every((row) => row.owner === name) ? "" : name;
    void act(chosen, () => decide(chosen, "assign", { owner }), after, false);
  };
  useKeys({
    a: () => ask("known", mayNot("keeper")),
    d: () => ask("dismiss", mayNotDecide(stores)),
    s: () => ask("snooze", mayNotDecide(stores)),
    r: () => ask("rerun", mayNot("submitter")),
    m: mine,
    u: () => void undoLast(after),
  });
  return {
    known: () => ask("known", mayNot("keeper")),
    dismiss: () => ask("dismiss", mayNotDecide(stores)),
    snooze: () => ask("snooze", mayNotDecide(stores)),
    rerun: () => ask("rerun", mayNot("submitter")),
    mine,
  };
}

export function Decisions({ after }: { after: After }) {
  const now = asked.value;
  if (!now) return null;
  const close = () => (asked.value = undefined);
  if (now.kind === "dismiss") return <Dismiss rows={now.rows} close={close} after={after} />;
  if (now.kind === "snooze") return <Snooze rows={now.rows} close={close} after={after} />;
  if (now.kind === "rerun") return <Rerun row={now.rows[0]!} close={close} after={after} />;
  return <Accept rows={now.rows} close={close} after={after} />;
}

function What({ rows }: { rows: FindingRow[] }) {
  return (
    <p>
      <code>{nameOf(rows[0]!)}</code>
      {rows.length > 1 ? <span class="soft"> and {rows.length - 1} more</span> : null}
    </p>
  );
}

const reasons = [
  "not caused by what was tested",
  "expected: the change wants it so",
  "the test is wrong",
  "the machine's fault",
  "mended already",
];

function Dismiss({ rows, close, after }: { rows: FindingRow[]; close: () => void; after: After }) {
  const kept = draft(`dismiss/${keyOf(rows[0]!)}`);
  const own = useSignal(kept.read());
  const take = (reason: string) => {
    kept.write("");
    close();
    void act(rows, () => decide(rows, "dismiss", { reason }), after, true);
  };
  const keys: Record<string, () => void> = {};
  reasons.forEach((reason, i) => {
    keys[String(i + 1)] = () => take(reason);
  });
  useKeys(keys);
  return (
    <Dialog title="Dismiss, because" onClose={close}>
      <What rows={rows} />
      <div class="form">
        {reasons.map((reason, i) => (
          <Act key={reason} k={String(i + 1)} onPress={() => take(reason)}>
            {reason}
          </Act>
        ))}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (own.value.trim()) take(own.value.trim());
          }}
        >
          <Field label="Another reason">
            <input
              value={own.value}
              maxLength={400}
              onInput={(event) => {
                own.value = event.currentTarget.value;
                kept.write(own.value);
              }}
            />
          </Field>
          <button type="submit" aria-disabled={!own.value.trim()}>
            Dismiss
          </button>
        </form>
      </div>
    </Dialog>
  );
}

function Snooze({ rows, close, after }: { rows: FindingRow[]; close: () => void; after: After }) {
  const choices: [string, number][] = [
    ["until tomorrow", 1],
    ["for 3 days", 3],
    ["for a week", 7],
    ["for 30 days", 30],
  ];
  const take = (days: number) => {
    close();
    const until = new Date(Date.now() + days * 86_400_000);
    void act(rows, () => decide(rows, "snooze", { until }), after, true);
  };
  const keys: Record<string, () => void> = {};
  choices.forEach(([, days], i) => {
    keys[String(i + 1)] = () => take(days);
  });
  useKeys(keys);
  return (
    <Dialog title="Snooze" onClose={close}>
      <What rows={rows} />
      <div class="form">
        {choices.map(([words, days], i) => (
          <Act key={words} k={String(i + 1)} onPress={() => take(days)}>
            {words}
          </Act>
        ))}
      </div>
    </Dialog>
  );
}

function Rerun({ row, close, after }: { row: FindingRow; close: () => void; after: After }) {
  const text = useSignal("");
  const cannot = useSignal("asking");
  const fault = useSignal<Problem | undefined>(undefined);
  const boots = useSignal(0);
  const ref = { runId: row.runId, finding: row.finding?.id ?? "" };
  const line = command(
    "kiln repro",
    `${row.runId}/${row.finding?.id ?? ""}`,
    boots.value > 0 && "--boots",
    boots.value > 0 && String(boots.value),
  );
  useEffect(() => {
    const own = new AbortController();
    api.review.describeRepro({ ...ref, boots: boots.value }, { signal: own.signal }).then(
      (reply) => {
        text.value = reply.text;
        cannot.value = reply.cannot;
        fault.value = undefined;
      },
      (error) => {
        if (own.signal.aborted) return;
        fault.value = problem(error);
        cannot.value = "not known how";
      },
    );
    return () => own.abort();
  }, [boots.value]);
  const start = async () => {
    if (cannot.value) return;
    close();
    try {
      const started = await api.review.startRepro({ ...ref, boots: boots.value });
      say(`Run ${started.runId} repeats ${row.runId}/${ref.finding}`);
      after.changed();
    } catch (error) {
      const p = problem(error);
      say(`Not started: ${p.detail || p.title}`);
    }
  };
  useKeys({ Enter: () => void start(), l: () => navigate(`/run/${row.runId}`) });
  return (
    <Dialog title="Run it again" onClose={close} wide>
      <What rows={[row]} />
      {fault.value ? (
        <Fault problem={fault.value} what="how to repeat it" command={`${line} --show`} />
      ) : null}
      {text.value ? <pre tabIndex={0}>{text.value}</pre> : null}
      {cannot.value && cannot.value !== "asking" ? <p class="bad">{cannot.value}</p> : null}
      <p class="row">
        <Act kind="main" k="Enter" why={cannot.value} onPress={() => void start()}>
          Boot it again
        </Act>
        <Field label="Boots on each side">
          <select
            value={String(boots.value)}
            onChange={(event) => (boots.value = Number(event.currentTarget.value))}
          >
            <option value="0">as many as confirmed it</option>
            {[3, 5, 10, 20].map((n) => (
              <option key={n} value={String(n)}>
                {n}
              </option>
            ))}
          </select>
        </Field>
      </p>
      <p>
        <Command text={line} />
      </p>
    </Dialog>
  );
}

function Accept({ rows, close, after }: { rows: FindingRow[]; close: () => void; after: After }) {
  const first = rows[0]!;
  return (
    <Dialog title="Accept as known" onClose={close} wide>
      <What rows={rows} />
      <KnownForm
        draftKey={rows.map(keyOf).join(",")}
        start={{ ...common(rows), reason: first.finding?.summary ?? "" }}
        cancel={close}
        saved={(id, says) => {
          close();
          const keys = rows.map(keyOf);
          overlaid(keys, "known");
          after.decided(keys);
          remember(
            {
              says,
              undo: async () => {
                await api.review.changeKnown({ filter: { id }, remove: true });
                overlaid(keys, undefined);
              },
            },
            after,
          );
          after.changed();
        }}
      />
    </Dialog>
  );
}

/** Warnings of compilers and builds are no results: no filter covers them. */
function coverable(row: FindingRow): boolean {
  const filter = filterFor(row);
  return filter.test !== "" || filter.signature !== "";
}

/** One filter for several findings: what they have in common. */
function common(rows: readonly FindingRow[]) {
  const all = rows.map(filterFor);
  const first = all[0]!;
  const same = (of: (f: typeof first) => string) =>
    all.every((f) => of(f) === of(first)) ? of(first) : "";
  const tests = all.map((f) => f.test);
  let test = same((f) => f.test);
  if (!test && tests.every((t) => t !== "")) {
    let n = 0;
    while (tests.every((t) => t[n] !== undefined && t[n] === tests[0]![n])) n += 1;
    test = `${tests[0]!.slice(0, n)}*`;
  }
  return {
    test,
    config: same((f) => f.config),
    signature: same((f) => f.signature),
    outcomes: [...new Set(all.flatMap((f) => f.outcomes))],
  };
}
