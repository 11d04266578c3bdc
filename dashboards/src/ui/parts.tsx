// Small pieces that all pages are made of.
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Resource } from "../api/resource";
import type { Finding } from "../gen/kiln/v1/report_pb";
import { squareState, squaresOf, squareWords } from "../lib/cells";
import { ago, dateOf, duration, exactTime, type ProtoTime, shortTime } from "../lib/format";
import type { Mark } from "../lib/marks";
import type { Problem } from "../lib/problem";
import { copy, setQuery, useKeys } from "./shell";

/** Glyph and word; the colour sits in the glyph's box. */
export function Chip({ mark, word, bare }: { mark: Mark; word?: string; bare?: boolean }) {
  return (
    <span class="mark">
      <span class={`chip ${mark.role} ${mark.shape}`} aria-hidden="true">
        {mark.glyph}
      </span>
      <span class={bare ? "for-ears" : "mark-word"}>{word ?? mark.word}</span>
    </span>
  );
}

export function Time({ time, date, long }: { time?: ProtoTime; date?: Date; long?: boolean }) {
  const when = date ?? dateOf(time);
  if (!when) return <span class="soft">–</span>;
  const now = new Date();
  return (
    <time dateTime={when.toISOString()} title={exactTime(when)}>
      {shortTime(when, now)}
      {long ? <span class="soft"> · {ago(when, now)}</span> : null}
    </time>
  );
}

export function Took({ seconds }: { seconds: number }) {
  return <span title={`${seconds} s`}>{duration(seconds)}</span>;
}

export function Command({ text, label }: { text: string; label?: string }) {
  return (
    <span class="command">
      <code>{text}</code>
      <button
        type="button"
        class="plain"
        onClick={() => void copy(text, "Command")}
        aria-label={`Copy: ${label ?? text}`}
      >
        copy
      </button>
    </span>
  );
}

/** One square a config: without | with the series. */
export function Squares({ finding }: { finding: Pick<Finding, "counts"> }) {
  return (
    <span class="squares">
      {squaresOf(finding).map((square) => {
        const state = squareState(square);
        const glyph = { bad: "■", same: "◧", fixed: "▲", ok: "□", none: "·" }[state];
        return (
          <span key={square.config} class={`square ${state}`} title={squareWords(square)}>
            <span class="soft">{square.hm ? `HM ${square.hm}` : square.config} </span>
            <span class="square-glyph" role="img" aria-label={squareWords(square)}>
              {glyph}
            </span>
          </span>
        );
      })}
    </span>
  );
}

export function Fault({
  problem,
  what,
  retry,
  command,
}: {
  problem: Problem;
  what: string;
  retry?: () => void;
  command?: string;
}) {
  return (
    <div class="fault" role="alert">
      <p>
        <strong>{problem.title}</strong> <span class="soft">({what})</span>
      </p>
      {problem.detail ? <p class="words">{problem.detail}</p> : null}
      {problem.hint ? <p class="soft">{problem.hint}</p> : null}
      <p class="row">
        {retry && problem.code !== "unauthenticated" ? (
          <button type="button" onClick={retry}>
            Try again
          </button>
        ) : null}
        {command ? <Command text={command} /> : null}
      </p>
    </div>
  );
}

/** Old content stays over an error or while new is loaded; bones come only after 200 ms. */
export function Panel<T>({
  resource,
  what,
  command,
  rows = 4,
  children,
}: {
  resource: Resource<T>;
  what: string;
  command?: string;
  rows?: number;
  children: (data: T) => ComponentChildren;
}) {
  const { data, error, reload, at } = resource;
  if (data === undefined) {
    if (error) return <Fault problem={error} what={what} retry={reload} command={command} />;
    return <Bones rows={rows} what={what} />;
  }
  return (
    <>
      {error && error.code !== "unauthenticated" ? (
        <p class="stale" role="status">
          {error.title}; this is as of {at ? <Time date={at} /> : "before"}.{" "}
          <button type="button" class="plain" onClick={reload}>
            Try again
          </button>
        </p>
      ) : null}
      {children(data)}
    </>
  );
}

export function Bones({ rows, what }: { rows: number; what: string }) {
  return (
    <div class="bones" role="status" aria-label={`${what}: loading`}>
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} class="bone" />
      ))}
    </div>
  );
}

export function Empty({
  children,
  attention,
}: {
  children: ComponentChildren;
  attention?: boolean;
}) {
  return <div class={attention ? "empty attention" : "empty"}>{children}</div>;
}

/** A button that says why it cannot be pressed, also to the keyboard and to screen readers. */
export function Act({
  why,
  onPress,
  children,
  k,
  kind,
}: {
  why?: string;
  onPress: () => void;
  children: ComponentChildren;
  k?: string;
  kind?: "main" | "danger";
}) {
  return (
    <button
      type="button"
      class={kind ?? ""}
      aria-disabled={why ? "true" : undefined}
      aria-keyshortcuts={k}
      title={why || undefined}
      onClick={() => {
        if (!why) onPress();
      }}
    >
      {children}
      {k ? <kbd aria-hidden="true">{k}</kbd> : null}
      {why ? <span class="for-ears"> ({why})</span> : null}
    </button>
  );
}

export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useKeys({ modal: () => {}, Escape: () => close.current() });
  useLayoutEffect(() => {
    const was = document.activeElement as HTMLElement | null;
    box.current?.showModal();
    // Not on "Close": Enter and the numbers are the dialog's own.
    (box.current?.querySelector<HTMLElement>("[data-first]") ?? box.current)?.focus();
    return () => was?.focus?.({ preventScroll: true });
  }, []);
  return (
    <dialog
      ref={box}
      class={wide ? "wide" : ""}
      aria-label={title}
      tabIndex={-1}
      onCancel={(event) => {
        event.preventDefault();
        close.current();
      }}
    >
      <header class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="plain" onClick={onClose}>
          Close<kbd aria-hidden="true">Esc</kbd>
        </button>
      </header>
      {children}
    </dialog>
  );
}

export function Field({
  label,
  note,
  children,
}: {
  label: string;
  note?: string;
  children: ComponentChildren;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {note ? <small>{note}</small> : null}
    </label>
  );
}

/** The filter over a list: typed text stays in the address once it rests. */
export function FilterBox({
  value,
  problems,
  hint,
}: {
  value: string;
  problems: readonly string[];
  hint: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  useKeys({
    "/": (event) => {
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    },
  });
  return (
    <span class="filter">
      <input
        ref={input}
        type="search"
        value={value}
        placeholder={hint}
        aria-label={`Filter, such as ${hint}`}
        aria-invalid={problems.length > 0}
        maxLength={1500}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => setQuery("q", event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
        }}
      />
      <span class="filter-problem" role="status">
        {problems.join("; ")}
      </span>
    </span>
  );
}

/** A figure with its sentence as its name, and the same as a table. */
export function Figure({
  says,
  children,
  table,
}: {
  says: string;
  children: ComponentChildren;
  table: ComponentChildren;
}) {
  const open = useSignal(false);
  return (
    <figure>
      <figcaption>{says}</figcaption>
      {children}
      <button
        type="button"
        class="plain no-print"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {open.value ? "Hide the table" : "As a table"}
      </button>
      {open.value ? <div class="scroll">{table}</div> : null}
    </figure>
  );
}

export function Head({
  children,
  side,
}: {
  children: ComponentChildren;
  side?: ComponentChildren;
}) {
  return (
    <header class="page-head">
      <h1 tabIndex={-1}>{children}</h1>
      {side ? <div class="page-side">{side}</div> : null}
    </header>
  );
}

export function Section({
  title,
  note,
  id,
  children,
}: {
  title: string;
  note?: ComponentChildren;
  id?: string;
  children: ComponentChildren;
}) {
  return (
    <section id={id} aria-label={title}>
      <h2>
        {title} {note ? <small>{note}</small> : null}
      </h2>
      {children}
    </section>
  );
}

export type Cell = JSX.Element | string | number | null;
