// What all pages share: where we are, keys, the page's title, its command, what is announced.
import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Me } from "../api/client";
import { inApp, parsePath, withQuery } from "../lib/route";

export const place = signal({
  path: location.pathname,
  search: location.search,
  hash: location.hash,
});
export const route = computed(() => parsePath(place.value.path));
export const query = computed(() => new URLSearchParams(place.value.search));
export const me = signal<Me | undefined>(undefined);
export const helpOpen = signal(false);
/** The same as commands; the first one is what `Y` copies. */
export const commands = signal<string[]>([]);
export const said = signal<{ text: string; undo?: () => void; n: number }>({ text: "", n: 0 });

function read() {
  place.value = { path: location.pathname, search: location.search, hash: location.hash };
}

export function navigate(href: string, how: { replace?: boolean; keep?: boolean } = {}) {
  const url = new URL(href, location.href);
  if (how.replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  const before = place.value.path;
  read();
  if (!how.keep && before !== url.pathname) {
    window.scrollTo(0, 0);
    // Screen readers and keys go on at the new page's head.
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true }),
    );
  }
}

/** One value of the query: part of the view, so it stays in the address. */
export function setQuery(name: string, value: string) {
  navigate(place.value.path + withQuery(place.value.search, name, value) + place.value.hash, {
    replace: true,
    keep: true,
  });
}

export function startRouting() {
  window.addEventListener("popstate", read);
  window.addEventListener("hashchange", read);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download")) return;
    const href = link.getAttribute("href");
    if (!href || href.startsWith("#") || !inApp(link.href, location.origin)) return;
    event.preventDefault();
    navigate(link.href);
  });
}

let saidSoFar = 0;
export function say(text: string, undo?: () => void) {
  saidSoFar += 1;
  said.value = { text, undo, n: saidSoFar };
}

export type Keys = Record<string, (event: KeyboardEvent) => void>;
const layers: Keys[] = [];

/** A page's keys while it is shown; a dialog's lie over them. */
export function useKeys(keys: Keys) {
  const latest = useRef(keys);
  latest.current = keys;
  // As soon as it is seen: a fast hand presses the next key before the browser has painted.
  useLayoutEffect(() => {
    const layer: Keys = new Proxy(
      {},
      {
        get: (_, key: string) => latest.current[key],
        has: (_, key: string) => key in latest.current,
      },
    );
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

/** true: somebody took it. */
export function press(key: string, event: KeyboardEvent): boolean {
  for (let i = layers.length - 1; i >= 0; i -= 1) {
    const layer = layers[i]!;
    if (Object.hasOwn(layer, key) || key in layer) {
      layer[key]!(event);
      return true;
    }
    if ("modal" in layer) return false;
  }
  return false;
}

export function usePage(title: string, same: string[]) {
  const joined = same.join("\n");
  useEffect(() => {
    document.title = `${title} – Kiln`;
    // A file each: the policy lets no page draw its own.
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (icon) icon.href = title.startsWith("▼") ? "/icon-worse.svg" : "/icon.svg";
    commands.value = same;
  }, [title, joined]);
}

const roles = ["viewer", "submitter", "keeper", "admin"];

/** "" = may do it, else why not, in words for a tooltip. */
export function mayNot(role: string): string {
  const who = me.value;
  if (!who) return "not known yet who you are";
  if (roles.indexOf(who.role) >= roles.indexOf(role)) return "";
  return `needs the role ${role}; you have ${who.role || "none"}`;
}

/** Drafts survive a reload and a lost session. */
export function draft(key: string): { read: () => string; write: (text: string) => void } {
  const name = `kiln.draft.${key}`;
  return {
    read: () => {
      try {
        return sessionStorage.getItem(name) ?? "";
      } catch {
        return "";
      }
    },
    write: (text) => {
      try {
        if (text) sessionStorage.setItem(name, text);
        else sessionStorage.removeItem(name);
      } catch {
        // A full or forbidden store: the draft lives as long as the page does.
      }
    },
  };
}

export async function copy(text: string, what: string) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say(`The browser does not let Kiln copy. ${what}: ${text}`);
  }
}
