// The filter's grammar, the same in URLs and for the CLI's --where. Pure.
//
//   filter := term (" " term)*          all terms must hold
//   term   := ["-"] [key ":"] value ("," value)*    several values of a key: any of them
//   value  := glob (`*`, `?`), without case; in double quotes when it has blanks
// A term without a key is looked for anywhere.

export interface Term {
  key: string; // "" = anywhere
  values: string[];
  not: boolean;
}

export interface Filter {
  terms: Term[];
  problems: string[];
}

export type Row = Record<string, string | readonly string[]>;

export function parseFilter(text: string, keys: readonly string[]): Filter {
  const terms: Term[] = [];
  const problems: string[] = [];
  for (const raw of words(text)) {
    const not = raw.startsWith("-") && raw.length > 1;
    const word = not ? raw.slice(1) : raw;
    const colon = keyEnd(word);
    const key = colon < 0 ? "" : word.slice(0, colon);
    if (key && !keys.includes(key)) {
      problems.push(`no field \`${key}\`; there are ${keys.join(", ")}`);
      continue;
    }
    const values = splitValues(colon < 0 ? word : word.slice(colon + 1));
    if (values.length === 0) {
      problems.push(`\`${raw}\` names no value`);
      continue;
    }
    terms.push({ key, values, not });
  }
  return { terms, problems };
}

/** Where the key ends; a colon inside of quotes or after a blank or slash is part of the value. */
function keyEnd(word: string): number {
  const m = /^[a-z][a-z-]*:/.exec(word);
  return m ? m[0].length - 1 : -1;
}

function words(text: string): string[] {
  const out: string[] = [];
  let word = "";
  let quoted = false;
  for (const c of text) {
    if (c === '"') quoted = !quoted;
    if (/\s/.test(c) && !quoted) {
      if (word) out.push(word);
      word = "";
    } else {
      word += c;
    }
  }
  if (word) out.push(word);
  return out;
}

function splitValues(text: string): string[] {
  const out: string[] = [];
  let value = "";
  let quoted = false;
  for (const c of text) {
    if (c === '"') quoted = !quoted;
    else if (c === "," && !quoted) {
      if (value) out.push(value);
      value = "";
    } else value += c;
  }
  if (value) out.push(value);
  return out;
}

/** Glob without backtracking that explodes: hostile patterns stay linear in text times pattern. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (
      p < pattern.length &&
      (pattern[p] === "?" || (pattern[p] === text[t] && pattern[p] !== "*"))
    ) {
      p += 1;
      t += 1;
    } else if (p < pattern.length && pattern[p] === "*") {
      star = p;
      mark = t;
      p += 1;
    } else if (star >= 0) {
      p = star + 1;
      mark += 1;
      t = mark;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === "*") p += 1;
  return p === pattern.length;
}

function holds(term: Term, row: Row): boolean {
  const found = term.values.some((value) => {
    const wanted = value.toLowerCase();
    const loose = !/[*?]/.test(wanted);
    const one = (text: string) => {
      const have = text.toLowerCase();
      // Names of tests are long: a plain word is enough when it is a part of one.
      if (loose && (term.key === "" || term.key === "test")) return have.includes(wanted);
      if (term.key === "test" && !wanted.startsWith("igt@"))
        return globMatches(wanted, have) || globMatches(`igt@${wanted}`, have);
      return term.key === "" ? globMatches(`*${wanted}*`, have) : globMatches(wanted, have);
    };
    const fields = term.key ? [row[term.key] ?? ""] : Object.values(row);
    return fields.some((field) => (typeof field === "string" ? one(field) : field.some(one)));
  });
  return found !== term.not;
}

export function matches(filter: Filter, row: Row): boolean {
  return filter.terms.every((term) => holds(term, row));
}

/** Sets (or takes away, with "") the values of one key; other terms stay as typed. */
export function withTerm(text: string, key: string, value: string): string {
  const rest = words(text).filter((word) => !word.startsWith(`${key}:`));
  if (value) rest.push(`${key}:${/[\s,]/.test(value) ? `"${value}"` : value}`);
  return rest.join(" ");
}

export function termValue(text: string, key: string): string {
  const term = words(text).find((word) => word.startsWith(`${key}:`));
  return term ? splitValues(term.slice(key.length + 1)).join(",") : "";
}

/** The smallest change that would show rows again: which single term to drop, and how many rows then match. */
export function nearMiss(
  filter: Filter,
  rows: readonly Row[],
): { term: Term; rows: number } | undefined {
  let best: { term: Term; rows: number } | undefined;
  for (const term of filter.terms) {
    const without = { terms: filter.terms.filter((t) => t !== term), problems: [] };
    const n = rows.filter((row) => matches(without, row)).length;
    if (n > 0 && (!best || n > best.rows)) best = { term, rows: n };
  }
  return best;
}

export function termText(term: Term): string {
  return `${term.not ? "-" : ""}${term.key ? `${term.key}:` : ""}${term.values.join(",")}`;
}
