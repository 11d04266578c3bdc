// One stream of changes a window; without one the pages are asked again now and then.
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { backoff } from "../lib/problem";
import { api } from "./client";

export interface Change {
  kind: string;
  runId: bigint;
  name: string;
}

export type Link = "connecting" | "live" | "polling" | "offline";

export const link = signal<Link>("connecting");
/** When the newest word of the controller came. */
export const asOf = signal<Date | undefined>(undefined);
/** Seconds until the next try while offline. */
export const nextTry = signal(0);

const listeners = new Set<(change: Change) => void>();
export function onChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change: Change) {
  for (const listener of listeners) listener(change);
}

let started = false;
let wake: (() => void) | undefined;
let abort: AbortController | undefined;

/** Tries at once, e.g. when the window is looked at again or after signing in. */
export function connectNow() {
  wake?.();
}

export function reconnect() {
  abort?.abort();
  wake?.();
}

function pause(seconds: number): Promise<void> {
  return new Promise((done) => {
    nextTry.value = seconds;
    const timer = setInterval(() => {
      nextTry.value = Math.max(0, nextTry.value - 1);
      if (nextTry.value === 0) finish();
    }, 1000);
    const finish = () => {
      clearInterval(timer);
      wake = undefined;
      nextTry.value = 0;
      done();
    };
    wake = finish;
  });
}

/** A stream that says nothing for so long is dead: heartbeats come every 15 s. */
const silence = 40_000;

async function watch(from: bigint, seen: (seq: bigint) => void) {
  abort = new AbortController();
  const own = abort;
  let timer = setTimeout(() => own.abort(), silence);
  try {
    for await (const change of api.live.watch({ fromSeq: from }, { signal: own.signal })) {
      clearTimeout(timer);
      timer = setTimeout(() => own.abort(), silence);
      asOf.value = new Date();
      if (link.value !== "live") {
        const lost = link.value === "offline";
        link.value = "live";
        // What happened meanwhile may be unknown: ask once for all that is shown.
        if (lost) tell({ kind: "resync", runId: 0n, name: "" });
      }
      seen(change.seq);
      if (change.kind !== "heartbeat" && change.kind !== "hello")
        tell({ kind: change.kind, runId: change.runId, name: change.name });
    }
  } finally {
    clearTimeout(timer);
  }
}

export async function startLive(): Promise<void> {
  if (started) return;
  started = true;
  let from = 0n;
  let failures = 0;
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connectNow();
  });
  window.addEventListener("online", connectNow);
  for (;;) {
    let polling = false;
    const opened = Date.now();
    try {
      await watch(from, (seq) => {
        if (seq > from) from = seq;
        failures = 0;
      });
    } catch (error) {
      const code = ConnectError.from(error).code;
      polling = code === Code.Unimplemented;
      if (code === Code.Unauthenticated || code === Code.PermissionDenied) {
        // Not a lost line: somebody has to sign in, which opens it again at once.
        link.value = "connecting";
        await pause(30);
        continue;
      }
    }
    if (polling) {
      await poll();
      continue;
    }
    // A stream that lived for a while and ended is opened again at once, without a word.
    if (Date.now() - opened > 5000 && failures === 0) {
      failures = 1;
      await pause(1);
      continue;
    }
    link.value = "offline";
    failures += 1;
    await pause(backoff(failures, Math.random()));
  }
}

/** A controller without the stream: a small question every 10 s says whether it is there. */
async function poll() {
  try {
    await api.access.whoAmI({});
    const was = link.value;
    link.value = "polling";
    asOf.value = new Date();
    tell({ kind: was === "offline" ? "resync" : "poll", runId: 0n, name: "" });
    await pause(document.hidden ? 60 : 10);
  } catch (error) {
    const code = ConnectError.from(error).code;
    if (code !== Code.Unauthenticated && code !== Code.PermissionDenied) link.value = "offline";
    await pause(backoff(2, Math.random()));
  }
}
