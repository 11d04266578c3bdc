// What a page shows, with its states: old content stays while new is asked for, also after an error.
import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Problem } from "../lib/problem";
import { problem } from "./client";
import { type Change, onChange } from "./live";

export interface State<T> {
  data?: T;
  error?: Problem;
  loading: boolean;
  at?: Date;
}

export interface Resource<T> extends State<T> {
  reload: () => void;
}

interface Entry {
  state: Signal<State<unknown>>;
  abort?: AbortController;
  used: number;
}

const cache = new Map<string, Entry>();
const kept = 60;

function entry(key: string): Entry {
  let found = cache.get(key);
  if (!found) {
    found = { state: signal<State<unknown>>({ loading: true }), used: 0 };
    cache.set(key, found);
    if (cache.size > kept) {
      const oldest = [...cache].filter(([k]) => k !== key).sort((a, b) => a[1].used - b[1].used)[0];
      if (oldest) cache.delete(oldest[0]);
    }
  }
  found.used = Date.now();
  return found;
}

/** Signing in or out: nothing that another user saw stays. */
export function forgetAll() {
  for (const one of cache.values()) one.abort?.abort();
  cache.clear();
}

/** Takes what an action answered with, so that the page shows it at once. */
export function put<T>(key: string, data: T) {
  entry(key).state.value = { data, loading: false, at: new Date() };
}

/** What is there now; whoever draws with it is drawn again when it comes. */
export function peek<T>(key: string): T | undefined {
  return entry(key).state.value.data as T | undefined;
}

async function load<T>(key: string, ask: (signal: AbortSignal) => Promise<T>) {
  const one = entry(key);
  one.abort?.abort();
  const own = new AbortController();
  one.abort = own;
  one.state.value = { ...one.state.value, loading: true };
  try {
    const data = await ask(own.signal);
    if (one.abort === own) one.state.value = { data, loading: false, at: new Date() };
  } catch (error) {
    if (own.signal.aborted || one.abort !== own) return;
    one.state.value = { ...one.state.value, error: problem(error), loading: false };
  }
}

export async function prefetch<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<void> {
  if (cache.get(key)?.state.value.data === undefined) await load(key, ask);
}

export interface Wanted {
  kinds?: readonly string[]; // of changes after which it is asked for again
  run?: bigint; // only changes of this run
}

export function concerns(wanted: Wanted, change: Change): boolean {
  if (change.kind === "resync" || change.kind === "poll") return (wanted.kinds ?? []).length > 0;
  if (!wanted.kinds?.includes(change.kind)) return false;
  return wanted.run === undefined || change.runId === 0n || change.runId === wanted.run;
}

export function useResource<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
  wanted: Wanted = {},
): Resource<T> {
  const one = useMemo(() => entry(key), [key]);
  const kinds = (wanted.kinds ?? []).join(",");
  useEffect(() => {
    void load(key, ask);
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A burst of changes is one question.
    const stop = onChange((change) => {
      if (!concerns(wanted, change) || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        void load(key, ask);
      }, 250);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [key, kinds]);
  const state = one.state.value as State<T>;
  return { ...state, reload: () => void load(key, ask) };
}
