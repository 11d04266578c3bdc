// A machine's console, live: all read it, its holder types.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { Problem } from "../lib/problem";
import { command } from "../lib/quote";
import { empty, feed, type Term } from "../lib/term";
import { Act, Fault, Head, Time } from "../ui/parts";
import { mayNot, me, route, useKeys, usePage } from "../ui/shell";
import "../styles/log.css";

export default function ConsolePage() {
  const at = route.value;
  if (at.page !== "console") return null;
  return <ConsoleView key={at.machine} name={at.machine} />;
}

/** Opens it again when the line breaks; each time a little later. */
function useConsole(name: string) {
  const term = useSignal<Term>(empty());
  const id = useSignal("");
  const fault = useSignal<Problem | undefined>(undefined);
  useEffect(() => {
    const own = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const listen = async () => {
      const decoder = new TextDecoder();
      try {
        const parts = api.machineStream.openConsole({ machine: name }, { signal: own.signal });
        for await (const part of parts) {
          if (part.tunnelId) {
            id.value = part.tunnelId;
            term.value = empty();
            fault.value = undefined;
          }
          failures = 0;
          if (part.data.length > 0)
            term.value = feed(term.value, decoder.decode(part.data, { stream: true }));
        }
      } catch (error) {
        if (own.signal.aborted) return;
        fault.value = problem(error);
      }
      id.value = "";
      failures += 1;
      timer = setTimeout(() => void listen(), Math.min(30, 2 ** failures) * 1000);
    };
    void listen();
    return () => {
      clearTimeout(timer);
      own.abort();
    };
  }, [name]);
  return { term, id, fault };
}

function ConsoleView({ name }: { name: string }) {
  const { term, id, fault } = useConsole(name);
  const machines = useResource("machines", (signal) => api.machines.listMachines({}, { signal }), {
    kinds: ["machine"],
  });
  const typed = useSignal("");
  const refused = useSignal<Problem | undefined>(undefined);
  const box = useRef<HTMLPreElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const follows = useSignal(true);
  usePage(`Console of ${name}`, [command("kiln console", name)]);
  useKeys({
    "/": (event) => {
      event.preventDefault();
      input.current?.focus();
    },
  });

  // It stays at the end unless somebody reads further up.
  useEffect(() => {
    const el = box.current;
    if (el && follows.value) el.scrollTop = el.scrollHeight;
  }, [term.value]);

  const machine = machines.data?.machines.find((m) => m.name === name);
  const mine = machine?.hold !== undefined && machine.hold.user === me.value?.name;
  const why = !id.value
    ? "The console is not open."
    : mayNot("submitter") || (mine ? "" : "Hold the machine first: others read along.");
  const send = async (bytes: string) => {
    try {
      await api.machines.sendTunnel({ tunnelId: id.value, data: new TextEncoder().encode(bytes) });
      refused.value = undefined;
    } catch (error) {
      refused.value = problem(error);
    }
  };

  const now = term.value;
  return (
    <>
      <Head>Console of {name}</Head>
      {machine ? (
        <p class="soft">
          {machine.state}
          {machine.hold ? (
            <>
              {" "}
              by {machine.hold.user} until <Time time={machine.hold.until} />
            </>
          ) : null}
          {machine.visit
            ? `; ${machine.visit.kernel} ${machine.visit.state}${machine.visit.why ? `: ${machine.visit.why}` : ""}`
            : null}
        </p>
      ) : null}
      {fault.value ? <Fault problem={fault.value} what={`the console of ${name}`} /> : null}
      <pre
        class="log console"
        ref={box}
        tabIndex={0}
        role="log"
        aria-label={`What ${name} says`}
        aria-live="off"
        onScroll={(event) => {
          const el = event.currentTarget;
          follows.value = el.scrollHeight - el.scrollTop - el.clientHeight < 40;
        }}
      >
        {now.dropped > 0 ? `[${now.dropped} lines are not shown any more]\n` : ""}
        {now.lines.length > 0 ? `${now.lines.join("\n")}\n` : ""}
        {now.line}
      </pre>
      {!id.value && !fault.value ? <p class="soft">Opening it ...</p> : null}
      {id.value && now.lines.length === 0 && now.line === "" ? (
        <p class="soft">It has said nothing yet.</p>
      ) : null}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (why) return;
          void send(`${typed.value}\r`);
          typed.value = "";
          follows.value = true;
        }}
      >
        <label>
          Type{" "}
          <input
            ref={input}
            type="text"
            value={typed.value}
            autocomplete="off"
            spellcheck={false}
            aria-describedby="console-why"
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </label>
        <Act why={why} onPress={() => void send(`${typed.value}\r`).then(() => (typed.value = ""))}>
          Send
        </Act>
        <Act why={why} onPress={() => void send("\x03")}>
          Ctrl-C
        </Act>
        <Act why={why} onPress={() => void send("\x04")}>
          Ctrl-D
        </Act>
        <span id="console-why" class="soft">
          {why}
        </span>
      </form>
      {refused.value ? <Fault problem={refused.value} what="what was typed" /> : null}
    </>
  );
}
