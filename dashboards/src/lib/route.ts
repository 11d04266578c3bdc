// Pages and their URLs. Pure. An address that names nothing is a page, too: it says so.

export type Route =
  | { page: "review" }
  | { page: "runs" }
  | { page: "run"; run: bigint; part: string }
  | { page: "finding"; run: bigint; finding: string }
  | { page: "log"; run: bigint; session: bigint; what: string }
  | { page: "machines" }
  | { page: "machine"; machine: string }
  | { page: "console"; machine: string }
  | { page: "queue" }
  | { page: "known" }
  | { page: "tests" }
  | { page: "test"; test: string }
  | { page: "perf" }
  | { page: "builds" }
  | { page: "admin" }
  | { page: "nothing"; path: string; why: string };

const plain = [
  "review",
  "runs",
  "machines",
  "queue",
  "known",
  "tests",
  "perf",
  "builds",
  "admin",
] as const;

function id(text: string | undefined): bigint | undefined {
  if (!text || !/^[1-9]\d{0,17}$/.test(text)) return undefined;
  return BigInt(text);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export function parsePath(path: string): Route {
  const parts = path.split("/").filter(Boolean);
  const nothing = (why: string): Route => ({ page: "nothing", path, why });
  if (parts.length === 0) return { page: "review" };
  const words = parts.map(decoded);
  if (words.some((w) => w === undefined)) return nothing("the address is not well-formed");
  const [head, a, b, c, d] = words as string[];
  const simple = plain.find((name) => name === head);
  if (simple && parts.length === 1) return { page: simple };
  if (head === "run") {
    const run = id(a);
    if (run === undefined) return nothing(`\`${a ?? ""}\` is no run's number`);
    if (b === undefined) return { page: "run", run, part: "" };
    if (b === "session" && parts.length === 5) {
      const session = id(c);
      if (session === undefined) return nothing(`\`${c}\` is no session's number`);
      return { page: "log", run, session, what: d! };
    }
    if (/^f\d{1,6}$/.test(b) && parts.length === 3) return { page: "finding", run, finding: b };
  }
  if (head === "finding" && parts.length === 3) {
    const run = id(a);
    if (run === undefined) return nothing(`\`${a}\` is no run's number`);
    if (!/^f\d{1,6}$/.test(b!))
      return nothing(`\`${b}\` is no finding of a run; they are f1, f2 ...`);
    return { page: "finding", run, finding: b! };
  }
  if (head === "machine" && parts.length === 2) return { page: "machine", machine: a! };
  if (head === "machine" && parts.length === 3 && b === "console")
    return { page: "console", machine: a! };
  if (head === "test" && parts.length >= 2)
    return { page: "test", test: (words as string[]).slice(1).join("/") };
  return nothing("no page has this address");
}

export const to = {
  run: (run: bigint) => `/run/${run}`,
  finding: (run: bigint, finding: string) => `/finding/${run}/${encodeURIComponent(finding)}`,
  log: (run: bigint, session: bigint, what: string, line?: number) =>
    `/run/${run}/session/${session}/${encodeURIComponent(what)}${line ? `#L${line}` : ""}`,
  machine: (machine: string) => `/machine/${encodeURIComponent(machine)}`,
  console: (machine: string) => `/machine/${encodeURIComponent(machine)}/console`,
  test: (test: string) => `/test/${encodeURIComponent(test)}`,
  perf: (metric: string) => `/perf?metric=${encodeURIComponent(metric)}`,
};

/** "#L1204" or "#L1204-L1239". */
export function parseLines(hash: string): { from: number; to: number } | undefined {
  const m = /^#L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(hash);
  if (!m) return undefined;
  const a = Number(m[1]);
  const b = m[2] ? Number(m[2]) : a;
  if (a < 1 || b < 1) return undefined;
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

export function linesHash(from: number, to: number): string {
  return from === to ? `#L${from}` : `#L${from}-L${to}`;
}

/** Query with one value changed; "" takes it away. Order and others stay. */
export function withQuery(search: string, name: string, value: string): string {
  const query = new URLSearchParams(search);
  if (value) query.set(name, value);
  else query.delete(name);
  // Blanks and colons stay readable: these links are read by people.
  const text = query
    .toString()
    .replaceAll("%3A", ":")
    .replaceAll("%2C", ",")
    .replaceAll("%40", "@")
    .replaceAll("%2F", "/");
  return text ? `?${text}` : "";
}

/** Only what opens inside of the app may be followed without asking the browser. */
export function inApp(href: string, origin: string): boolean {
  try {
    const url = new URL(href, origin);
    return url.origin === origin && !url.pathname.startsWith("/auth/");
  } catch {
    return false;
  }
}

/** A link from a bug's report or a filter: http(s) only, never `javascript:`. */
export function safeLink(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
