// The shell: who is here, where we are, the page, and the line at the foot.
import { useSignal } from "@preact/signals";
import { type ComponentType, Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { type Me, signedOut, signOut, whoAmI } from "./api/client";
import { asOf, connectNow, link, nextTry, reconnect, startLive } from "./api/live";
import { forgetAll } from "./api/resource";
import { shortTime } from "./lib/format";
import { KeyReader, type Target } from "./lib/keys";
import type { Route } from "./lib/route";
import { Bones, Command } from "./ui/parts";
import { commands, copy, helpOpen, me, navigate, place, press, route, said, say } from "./ui/shell";

type PageModule = { default: ComponentType };
const pages: Record<Exclude<Route["page"], "nothing">, () => Promise<PageModule>> = {
  review: () => import("./pages/review"),
  runs: () => import("./pages/runs"),
  run: () => import("./pages/run"),
  finding: () => import("./pages/finding"),
  log: () => import("./pages/log"),
  machines: () => import("./pages/machines"),
  machine: () => import("./pages/machine"),
  console: () => import("./pages/console"),
  queue: () => import("./pages/queue"),
  known: () => import("./pages/known"),
  tests: () => import("./pages/tests"),
  test: () => import("./pages/test"),
  perf: () => import("./pages/perf"),
  builds: () => import("./pages/builds"),
  admin: () => import("./pages/admin"),
};

const nav: { page: Route["page"]; path: string; name: string }[] = [
  { page: "review", path: "/review", name: "Review" },
  { page: "runs", path: "/runs", name: "Runs" },
  { page: "tests", path: "/tests", name: "Tests" },
  { page: "perf", path: "/perf", name: "Performance" },
  { page: "machines", path: "/machines", name: "Machines" },
  { page: "queue", path: "/queue", name: "Queue" },
  { page: "known", path: "/known", name: "Known issues" },
  { page: "builds", path: "/builds", name: "Builds" },
  { page: "admin", path: "/admin", name: "Admin" },
];

const loaded = new Map<string, ComponentType>();

function Page() {
  const name = route.value.page;
  const Found = useSignal<ComponentType | undefined>(undefined);
  const failed = useSignal(false);
  const shown = useSignal("");
  useEffect(() => {
    if (name === "nothing") return;
    let gone = false;
    failed.value = false;
    const known = loaded.get(name);
    const take = (page: ComponentType) => {
      Found.value = page;
      shown.value = name;
    };
    if (known) {
      take(known);
      return;
    }
    pages[name]()
      .then((module) => {
        loaded.set(name, module.default);
        if (!gone) take(module.default);
      })
      .catch(() => {
        if (!gone) failed.value = true;
      });
    return () => {
      gone = true;
    };
  }, [name]);
  if (route.value.page === "nothing")
    return (
      <div class="fault">
        <h1 tabIndex={-1}>Nothing is here</h1>
        <p class="words">
          {route.value.why}: <code>{route.value.path}</code>
        </p>
        <p>
          <a href="/review">To the review</a> · <a href="/runs">To the runs</a>
        </p>
      </div>
    );
  if (failed.value)
    return (
      <div class="fault" role="alert">
        <h1 tabIndex={-1}>This page could not be loaded</h1>
        <p>Kiln may have been updated, or does not answer.</p>
        <button type="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    );
  const Shown = loaded.get(name) ?? (shown.value === name ? Found.value : undefined);
  if (!Shown) return <Bones rows={8} what="Page" />;
  const at = route.value;
  // Another run or finding is another page: nothing of the one before may linger.
  const key =
    at.page === "run"
      ? `${at.run}`
      : at.page === "finding"
        ? `${at.run}/${at.finding}`
        : place.value.path;
  return <Shown key={key} />;
}

function LinkState() {
  const state = link.value;
  const at = asOf.value ? shortTime(asOf.value, new Date()) : "";
  if (state === "live") return <span class="link live">● live {at}</span>;
  if (state === "polling") return <span class="link">○ every 10 s · {at}</span>;
  if (state === "connecting") return <span class="link soft">○ connecting</span>;
  return (
    <span class="link offline">
      ◌ offline{at ? `, as of ${at}` : ""};{" "}
      {nextTry.value > 0 ? `retrying in ${nextTry.value} s` : "retrying"}{" "}
      <button type="button" class="plain" onClick={connectNow}>
        now
      </button>
    </span>
  );
}

function Header({ who }: { who: Me | undefined }) {
  const here = route.value.page;
  const active = (page: string) =>
    page === here ||
    (page === "runs" && (here === "run" || here === "log")) ||
    (page === "review" && here === "finding") ||
    (page === "tests" && here === "test");
  return (
    <header class="top">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("main")?.focus();
        }}
      >
        To the content
      </a>
      <nav aria-label="Pages">
        <a class="brand" href="/review" aria-label="Kiln, to the review">
          Kiln
        </a>
        {nav
          .filter((item) => item.page !== "admin" || who?.role === "admin")
          .map((item) => (
            <a
              key={item.page}
              href={item.path}
              aria-current={active(item.page) ? "page" : undefined}
            >
              {item.name}
            </a>
          ))}
      </nav>
      <div class="top-side">
        {/* The countdown is not for ears: only what the line is. */}
        <span class="for-ears" role="status">
          {link.value === "offline" ? "offline" : ""}
        </span>
        <LinkState />
        {who?.signedIn ? (
          <span class="who">
            {who.name} <span class="soft">{who.role}</span>{" "}
            <button
              type="button"
              class="plain"
              onClick={() => {
                void signOut().then(() => {
                  forgetAll();
                  me.value = undefined;
                  signedOut.value = false;
                  void refreshMe();
                });
              }}
            >
              sign out
            </button>
          </span>
        ) : who ? (
          <button type="button" class="plain" onClick={() => (signedOut.value = true)}>
            sign in
          </button>
        ) : null}
        <button
          type="button"
          class="plain"
          aria-label="Keys and colours"
          onClick={() => (helpOpen.value = true)}
        >
          ?
        </button>
      </div>
    </header>
  );
}

export async function refreshMe() {
  try {
    me.value = await whoAmI();
    if (!me.value.signedIn && !me.value.role) signedOut.value = true;
  } catch {
    // Not there: the line at the top says so, and it is asked again when the link is back.
  }
}

function Said() {
  const now = said.value;
  return (
    <div class={now.text ? "said" : "said hidden"} role="status">
      {now.text}
      {now.undo ? (
        <button
          type="button"
          onClick={() => {
            const undo = now.undo;
            say("");
            undo?.();
          }}
        >
          Undo<kbd aria-hidden="true">u</kbd>
        </button>
      ) : null}
    </div>
  );
}

function useGlobalKeys() {
  useEffect(() => {
    const reader = new KeyReader();
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const command = reader.read(event, event.target as unknown as Target, Date.now());
      if (command.kind === "go") {
        event.preventDefault();
        navigate(command.path);
        return;
      }
      if (command.kind !== "key") return;
      // Enter on a link or a button is theirs.
      const on = (event.target as Element | null)?.closest?.("a,button,summary");
      if (command.key === "Enter" && on) return;
      if (press(command.key, event)) {
        event.preventDefault();
        return;
      }
      if (document.querySelector("dialog[open]")) return;
      if (command.key === "?") helpOpen.value = true;
      else if (command.key === "y") void copy(location.href, "Link");
      else if (command.key === "Y" && commands.value[0]) void copy(commands.value[0], "Command");
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function Lazy({ load }: { load: () => Promise<PageModule> }) {
  const Found = useSignal<ComponentType | undefined>(undefined);
  useEffect(() => {
    void load().then(
      (module) => (Found.value = module.default),
      () => {},
    );
  }, []);
  return Found.value ? <Found.value /> : null;
}

const loadHelp = () => import("./ui/help");
const loadSignIn = () => import("./ui/signin");

export function App() {
  useGlobalKeys();
  useEffect(() => {
    void refreshMe();
    void startLive();
  }, []);
  useEffect(() => {
    if (link.value === "live" || link.value === "polling") if (!me.value) void refreshMe();
  }, [link.value]);
  const who = me.value;
  const nobody = who !== undefined && !who.role && !who.signedIn;
  return (
    <Fragment>
      <Header who={who} />
      <main id="main" tabIndex={-1}>
        {nobody ? <Bones rows={4} what="Page" /> : <Page />}
      </main>
      <footer class="foot">
        {commands.value.length > 0 ? (
          <div class="cli-same">
            <span class="soft">The same in the CLI</span>
            {commands.value.map((text) => (
              <Command key={text} text={text} />
            ))}
          </div>
        ) : null}
      </footer>
      <Said />
      {helpOpen.value ? <Lazy load={loadHelp} /> : null}
      {signedOut.value ? <Lazy load={loadSignIn} /> : null}
    </Fragment>
  );
}

export function afterSignIn() {
  signedOut.value = false;
  forgetAll();
  void refreshMe();
  reconnect();
}
