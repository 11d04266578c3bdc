// Words, glyphs and colour roles, the same as in reports and mails: never by colour alone. Pure.

export type Role = "worse" | "better" | "attention" | "quiet" | "plain";
export type Shape = "solid" | "outline" | "hatched" | "dashed" | "none";
export interface Mark {
  glyph: string;
  word: string;
  role: Role;
  shape: Shape;
}

const mark = (glyph: string, word: string, role: Role, shape: Shape): Mark => ({
  glyph,
  word,
  role,
  shape,
});

const classes: Record<string, Mark> = {
  regression: mark("▼", "regression", "worse", "solid"),
  "build-failure": mark("▼", "build fails", "worse", "solid"),
  fix: mark("▲", "fix", "better", "solid"),
  flaky: mark("≈", "flaky", "attention", "solid"),
  "coverage-lost": mark("∅", "coverage lost", "attention", "hatched"),
  warning: mark("△", "warning", "attention", "solid"),
  "build-warning": mark("△", "build warning", "attention", "solid"),
  "new-test": mark("+", "new test", "quiet", "outline"),
  infrastructure: mark("!", "infrastructure", "quiet", "dashed"),
  "not-the-series": mark("◇", "not the series", "quiet", "outline"),
  known: mark("◇", "known", "quiet", "outline"),
};

export function markOfClass(name: string): Mark {
  return Object.hasOwn(classes, name)
    ? classes[name]!
    : mark("·", name || "unknown", "plain", "none");
}

const results: Record<string, Mark> = {
  "no-regression": mark("·", "no regression", "plain", "none"),
  regression: mark("▼", "regression", "worse", "solid"),
  interrupted: mark("!", "interrupted", "quiet", "dashed"),
  infrastructure: mark("!", "no verdict", "quiet", "dashed"),
  inconclusive: mark("?", "no verdict yet", "attention", "outline"),
  refused: mark("!", "refused", "quiet", "dashed"),
  running: mark("▷", "running", "plain", "outline"),
};

export function markOfResult(name: string): Mark {
  return Object.hasOwn(results, name)
    ? results[name]!
    : mark("?", name || "no verdict yet", "quiet", "outline");
}

export interface Answered {
  answer: string;
  kind: string;
  leftTypical: number;
  rightTypical: number;
}

export function markOfAnswer(c: Answered): Mark {
  const count = c.kind !== "wall-clock";
  const direction = c.rightTypical < c.leftTypical ? "fewer" : "more";
  if (c.answer === "faster") return mark("▲", count ? direction : "faster", "better", "solid");
  if (c.answer === "slower") return mark("▼", count ? direction : "slower", "worse", "solid");
  if (c.answer === "equivalent") return mark("=", "the same", "quiet", "outline");
  if (c.answer === "changed") return mark("≠", "changed", "attention", "solid");
  return mark("?", "unsure", "attention", "outline");
}

export function markOfClaim(answer: string): Mark {
  if (answer === "confirmed") return mark("✓", "confirmed", "better", "solid");
  if (answer === "refuted") return mark("✗", "refuted", "worse", "solid");
  return mark("?", "not decidable here", "attention", "outline");
}

export function markOfOutcome(outcome: string): Mark {
  switch (outcome) {
    case "pass":
      return mark("·", "pass", "plain", "none");
    case "skip":
    case "notrun":
      return mark("/", outcome === "skip" ? "skip" : "not run", "quiet", "outline");
    case "missing":
      return mark("∅", "missing", "attention", "hatched");
    case "warn":
    case "dmesg-warn":
      return mark("△", outcome, "attention", "solid");
    default:
      return mark("▼", outcome, "worse", "solid");
  }
}

const machines: Record<string, Mark> = {
  ready: mark("·", "ready", "plain", "none"),
  busy: mark("▷", "busy", "plain", "outline"),
  held: mark("◆", "held", "attention", "solid"),
  preparing: mark("▷", "preparing", "plain", "outline"),
  broken: mark("▼", "broken", "worse", "solid"),
  draining: mark("◇", "draining", "quiet", "outline"),
  retired: mark("◇", "retired", "quiet", "outline"),
  quarantined: mark("▼", "quarantined", "worse", "solid"),
  away: mark("!", "away", "attention", "hatched"),
};

export function markOfMachine(state: string): Mark {
  return Object.hasOwn(machines, state)
    ? machines[state]!
    : mark("?", state || "unknown", "quiet", "outline");
}

export function markOfEnding(ending: string): Mark {
  switch (ending) {
    case "tested":
      return mark("·", "tested", "plain", "none");
    case "test-failed":
      return mark("▼", "test failed", "worse", "solid");
    case "infrastructure":
      return mark("!", "infrastructure", "quiet", "dashed");
    case "cancelled":
      return mark("!", "cancelled", "quiet", "dashed");
    default:
      return mark("▷", ending || "running", "plain", "outline");
  }
}

/** What a person acts on first; the rest is folded away. */
const urgency = [
  "regression",
  "build-failure",
  "coverage-lost",
  "flaky",
  "warning",
  "build-warning",
  "fix",
];

/** A finding of this class is a decision for a person. */
export function needsPerson(cls: string): boolean {
  return urgency.includes(cls);
}

export function urgencyOf(cls: string): number {
  const at = urgency.indexOf(cls);
  return at < 0 ? urgency.length : at;
}
