// A log: opens at the evidence, pages by ranges, every line has its link, the server searches.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { problem } from "../api/client";
import { type Hits, type LogName, type Piece, readLog, searchLog } from "../api/logs";
import { bytes, count, shortTest } from "../lib/format";
import { above, below, classOf, cut, join, openAt } from "../lib/loglines";
import type { Problem } from "../lib/problem";
import { command } from "../lib/quote";
import { linesHash, parseLines, to } from "../lib/route";
import { Bones, Empty, Fault, Head } from "../ui/parts";
import { navigate, place, query, route, setQuery, useKeys, usePage } from "../ui/shell";
import "../styles/log.css";

export default function LogPage() {
  const at = route.value;
  if (at.page !== "log") return null;
  return <LogView key={`${at.session}/${at.what}`} log={at} />;
}

/** Only the log moves, never the page around it. */
function center(log: HTMLElement | null, line: number) {
  const found = document.getElementById(`L${line}`);
  if (log && found) log.scrollTop = found.offsetTop - log.clientHeight / 2;
}

function LogView({ log }: { log: LogName }) {
  const marked = parseLines(place.value.hash);
  const q = query.value.get("q") ?? "";
  const piece = useSignal<Piece | undefined>(undefined);
  const fault = useSignal<Problem | undefined>(undefined);
  const found = useSignal<Hits | undefined>(undefined);
  const searching = useSignal(false);
  const hitAt = useSignal(-1);
  const typed = useSignal(q);
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const busy = useRef(false);
  const follows = useSignal(true);

  const line = command(
    "kiln log",
    String(log.run),
    String(log.session),
    ...(log.what === "console"
      ? piece.value?.growing
        ? ["--follow"]
        : ["--console"]
      : log.what === "dmesg"
        ? ["--dmesg"]
        : [log.what]),
  );
  usePage(`${shortTest(log.what)} of session ${log.session}`, [line]);

  const load = async (first: number, lines: number, keep: boolean, show?: number) => {
    if (busy.current) return;
    busy.current = true;
    const el = box.current;
    const height = el?.scrollHeight ?? 0;
    const was = piece.value;
    try {
      const own = new AbortController();
      const got = await readLog(log, first, lines, own.signal);
      piece.value = keep && was ? { ...got, ...join(was, got) } : got;
      fault.value = undefined;
      requestAnimationFrame(() => {
        if (show !== undefined) center(box.current, show);
        // Lines that come above must not move those that are read.
        else if (el && was && got.first < was.first) el.scrollTop += el.scrollHeight - height;
        else if (el && !keep && first === 0) el.scrollTop = el.scrollHeight;
      });
    } catch (error) {
      fault.value = problem(error);
    }
    busy.current = false;
  };

  /** What a running session's console says meanwhile; when it has ended, the stored log. */
  const grow = async (signal: AbortSignal) => {
    const was = piece.value;
    if (!was) return;
    const end = was.first + was.lines.length;
    try {
      const got = await readLog(log, end, 400, signal);
      const el = box.current;
      if (signal.aborted || piece.value !== was) return;
      fault.value = undefined;
      if (!got.growing) {
        void load(marked ? Math.max(1, marked.from - 100) : 0, 400, false, marked?.from);
        return;
      }
      // Only at its end does the window move with the log.
      const whole = end > was.total;
      if (got.lines.length === 0 || !whole)
        piece.value = { ...was, total: got.total, bytes: got.bytes };
      else piece.value = { ...got, ...join(was, got) };
      if (follows.value && whole && el)
        requestAnimationFrame(() => {
          el.scrollTop = el.scrollHeight;
        });
    } catch (error) {
      if (!signal.aborted) fault.value = problem(error);
    }
  };

  const goTo = (n: number) => {
    const p = piece.value;
    if (p && n >= p.first && n < p.first + p.lines.length) center(box.current, n);
    else void load(Math.max(1, n - 100), 400, false, n);
  };

  useEffect(() => {
    const start = openAt(marked?.from);
    void load(start.first, start.lines, false, marked?.from);
  }, []);
  const growing = piece.value?.growing ?? false;
  useEffect(() => {
    if (!growing) return;
    const own = new AbortController();
    let timer = 0;
    const look = async () => {
      if (!busy.current && document.visibilityState === "visible") await grow(own.signal);
      if (!own.signal.aborted) timer = window.setTimeout(() => void look(), 700);
    };
    timer = window.setTimeout(() => void look(), 700);
    return () => {
      own.abort();
      clearTimeout(timer);
    };
  }, [growing]);
  useEffect(() => {
    if (piece.value && marked) goTo(marked.from);
  }, [place.value.hash]);
  useEffect(() => {
    if (!q) {
      found.value = undefined;
      return;
    }
    const own = new AbortController();
    searching.value = true;
    searchLog(log, q, false, own.signal).then(
      (hits) => {
        found.value = hits;
        searching.value = false;
        hitAt.value = -1;
      },
      (error) => {
        if (own.signal.aborted) return;
        searching.value = false;
        fault.value = problem(error);
      },
    );
    return () => own.abort();
  }, [q]);

  const toHit = (by: number) => {
    const hits = found.value?.hits ?? [];
    if (hits.length > 0) {
      hitAt.value = (hitAt.value + by + hits.length) % hits.length;
      mark(hits[hitAt.value]!.line);
      return;
    }
    // Without a search n and N go along the kernel's reports that are loaded.
    const p = piece.value;
    if (!p) return;
    const reports = p.lines.flatMap((text, i) => (classOf(text) === "report" ? [p.first + i] : []));
    const now = marked?.from ?? (by > 0 ? 0 : Number.MAX_SAFE_INTEGER);
    const next = by > 0 ? reports.find((n) => n > now) : reports.filter((n) => n < now).pop();
    if (next !== undefined) mark(next);
  };
  const mark = (n: number, until = n) => {
    const hash = linesHash(n, until);
    navigate(place.value.path + place.value.search + hash, { replace: true, keep: true });
    goTo(n);
  };
  /** The next line by key: its number stands in the address, for `y`. */
  const beside = (by: number) => {
    const p = piece.value;
    if (!p) return;
    const n = marked ? marked.from + by : p.first;
    if (n >= 1 && n <= p.total) mark(n);
  };
  useKeys({
    n: () => toHit(1),
    N: () => toHit(-1),
    j: () => beside(1),
    k: () => beside(-1),
    "/": (event) => {
      event.preventDefault();
      input.current?.focus();
    },
    f: () => {
      if (growing) toEnd();
    },
    Escape: () => navigate(to.run(log.run)),
  });

  const toEnd = () => {
    follows.value = !follows.value;
    if (follows.value) void load(0, 400, false);
  };

  const p = piece.value;
  const up = p ? above(p) : undefined;
  const down = p ? below(p) : undefined;
  const onScroll = () => {
    const el = box.current;
    if (!el || busy.current) return;
    if (growing) follows.value = el.scrollHeight - el.scrollTop - el.clientHeight < 60 && !down;
    if (el.scrollTop < 300 && up) void load(up.first, up.lines, true);
    else if (el.scrollHeight - el.scrollTop - el.clientHeight < 600 && down)
      void load(down.first, down.lines, true);
  };

  return (
    <>
      <Head
        side={
          <form
            class="row"
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              if (typed.value === q) toHit(1);
              else setQuery("q", typed.value);
              input.current?.blur();
            }}
          >
            <input
              ref={input}
              type="search"
              value={typed.value}
              aria-label="Search in the whole log"
              placeholder="search in the whole log"
              maxLength={200}
              onInput={(event) => {
                typed.value = event.currentTarget.value;
                if (!typed.value) setQuery("q", "");
              }}
              onKeyDown={(event) => {
                if (event.key === "Escape") event.currentTarget.blur();
              }}
            />
            <span class="soft hits" role="status">
              {searching.value
                ? "searching"
                : found.value
                  ? found.value.total === 0
                    ? "no hit"
                    : `${hitAt.value >= 0 ? `${hitAt.value + 1} of ` : ""}${found.value.all ? "" : "at least "}${count(found.value.total, "hit", "hits")}`
                  : ""}
            </span>
            <button type="button" onClick={() => toHit(-1)}>
              <span aria-hidden="true">↑</span>
              <kbd aria-hidden="true">N</kbd>
              <span class="for-ears">Previous hit or kernel report</span>
            </button>
            <button type="button" onClick={() => toHit(1)}>
              <span aria-hidden="true">↓</span>
              <kbd aria-hidden="true">n</kbd>
              <span class="for-ears">Next hit or kernel report</span>
            </button>
          </form>
        }
      >
        <a href={to.run(log.run)} class="soft">
          Run {String(log.run)}
        </a>{" "}
        <span class="soft">session {String(log.session)}</span> <code>{shortTest(log.what)}</code>
      </Head>
      <p class="row soft log-bar">
        {(p?.growing ? ["console"] : ["console", "dmesg"]).map((what) => (
          <a
            key={what}
            href={to.log(log.run, log.session, what)}
            aria-current={log.what === what ? "page" : undefined}
          >
            {what}
          </a>
        ))}
        {p ? (
          <>
            <span>
              {count(p.total, "line", "lines")}
              {(p.oldest ?? 1) > 1 ? `, those from ${p.oldest} on are kept until it ends` : ""}
              {p.bytes > 0 ? `, ${bytes(p.bytes)}` : ""}
              {p.growing ? ", it goes on" : ""}
            </span>
            {p.growing ? (
              <button type="button" class="plain" aria-pressed={follows.value} onClick={toEnd}>
                {follows.value ? "⏸ pause" : "▶ follow"} <kbd aria-hidden="true">f</kbd>
              </button>
            ) : null}
            <button type="button" class="plain" onClick={() => void load(1, 400, false)}>
              first
            </button>
            <button type="button" class="plain" onClick={() => void load(0, 400, false)}>
              last
            </button>
            {p.cut ? (
              <span class="strong">only the first 2 MiB are shown; {line} has all of it</span>
            ) : null}
          </>
        ) : null}
      </p>
      {fault.value ? (
        <Fault
          problem={fault.value}
          what={`${log.what} of session ${log.session}`}
          command={line}
          retry={() => void load(openAt(marked?.from).first, 400, false, marked?.from)}
        />
      ) : null}
      {!p && !fault.value ? <Bones rows={12} what="Log" /> : null}
      {p && p.total === 0 ? (
        <Empty>
          <strong>{p.growing ? "It has said nothing yet" : "This log is empty"}</strong>
        </Empty>
      ) : null}
      {p && p.total > 0 ? (
        <div
          class="log"
          ref={box}
          onScroll={onScroll}
          tabIndex={0}
          role="region"
          aria-label={`Lines ${p.first} to ${p.first + p.lines.length - 1}`}
        >
          {up ? (
            <button
              type="button"
              class="plain more"
              onClick={() => void load(up.first, up.lines, true)}
            >
              {count(up.first + up.lines - 1, "line", "lines")} above
            </button>
          ) : null}
          <ol>
            {p.lines.map((text, i) => {
              const n = p.first + i;
              const on = marked && n >= marked.from && n <= marked.to;
              return (
                <li
                  key={n}
                  id={`L${n}`}
                  class={`${classOf(text) ? `log-${classOf(text)}` : ""} ${on ? "on" : ""}`}
                >
                  <a
                    class="line-number"
                    tabIndex={-1}
                    href={`#L${n}`}
                    aria-label={`Line ${n}`}
                    onClick={(event) => {
                      event.preventDefault();
                      if (event.shiftKey && marked)
                        mark(Math.min(marked.from, n), Math.max(marked.from, n));
                      else mark(n);
                    }}
                  >
                    {n}
                  </a>
                  <code>
                    {q
                      ? cut(text, q).map((c, j) => (c.hit ? <mark key={j}>{c.text}</mark> : c.text))
                      : text || " "}
                  </code>
                </li>
              );
            })}
          </ol>
          {down ? (
            <button
              type="button"
              class="plain more"
              onClick={() => void load(down.first, down.lines, true)}
            >
              {count(p.total - down.first + 1, "line", "lines")} below
            </button>
          ) : null}
        </div>
      ) : null}
    </>
  );
}
