// One map of keys for all pages (ux.md 2.2). Pure.

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing: boolean;
}

export interface Target {
  tagName: string;
  isContentEditable: boolean;
  type?: string;
}

/** Single keys are dead where people type. */
export function isTyping(target: Target | null): boolean {
  if (!target) return false;
  if (target.isContentEditable) return true;
  if (target.tagName === "INPUT")
    return !["checkbox", "radio", "button"].includes(target.type ?? "");
  return target.tagName === "TEXTAREA" || target.tagName === "SELECT";
}

export const goTo: Record<string, string> = {
  i: "/review",
  u: "/runs",
  t: "/tests",
  p: "/perf",
  m: "/machines",
  q: "/queue",
  k: "/known",
  b: "/builds",
  a: "/admin",
};

export type Command =
  | { kind: "go"; path: string }
  | { kind: "key"; key: string }
  | { kind: "none" };

/** Remembers a `g` for a moment; everything else is one key. */
export class KeyReader {
  private gAt = -1;

  read(press: KeyPress, target: Target | null, now: number): Command {
    if (press.isComposing || press.ctrlKey || press.metaKey || press.altKey)
      return { kind: "none" };
    if (isTyping(target)) return { kind: "none" };
    const pending = this.gAt >= 0 && now - this.gAt < 1500;
    this.gAt = -1;
    if (pending) {
      const path = goTo[press.key];
      if (path) return { kind: "go", path };
    } else if (press.key === "g") {
      this.gAt = now;
      return { kind: "none" };
    }
    if (press.key.length > 1 && !["Enter", "Escape"].includes(press.key)) return { kind: "none" };
    return { kind: "key", key: press.key };
  }
}

export const help: { keys: string; does: string; where: string }[] = [
  { keys: "j k", does: "next, previous finding that is undecided", where: "Review" },
  { keys: "J K", does: "next, previous row", where: "lists" },
  { keys: "Enter o", does: "open the row", where: "lists" },
  { keys: "Esc", does: "close what is open; up a page", where: "everywhere" },
  { keys: "x X", does: "select the row, the whole group", where: "Review" },
  {
    keys: "a",
    does: "accept as known: a filter is prefilled and shown before it is saved",
    where: "Review, Finding",
  },
  { keys: "r", does: "run it again (asks first)", where: "Review, Finding" },
  { keys: "d", does: "dismiss, with a reason", where: "Review, Finding" },
  { keys: "s", does: "snooze until a date", where: "Review, Finding" },
  { keys: "m", does: "mine, or nobody's", where: "Review, Finding" },
  { keys: "u", does: "undo the last decision", where: "Review, Finding" },
  { keys: "[ ]", does: "previous, next finding", where: "Finding" },
  { keys: "l", does: "log at the evidence", where: "Review, Finding" },
  { keys: "n N", does: "next, previous hit", where: "Log" },
  { keys: "f", does: "follow, or pause, what a console says", where: "Log" },
  { keys: ".", does: "load what arrived", where: "lists" },
  { keys: "/", does: "to the filter", where: "lists" },
  { keys: "y", does: "copy a link to this view", where: "everywhere" },
  { keys: "Y", does: "copy the same as a command", where: "everywhere" },
  {
    keys: "g i u t p m q k b a",
    does: "go to review, runs, tests, performance, machines, queue, known issues, builds, admin",
    where: "everywhere",
  },
  { keys: "?", does: "this list", where: "everywhere" },
];
