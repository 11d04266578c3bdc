// What a serial console says, as lines of text: enough of a terminal for boots and shells. Pure.
// Colours and cursor moves are dropped, so that hostile bytes can be nothing but text.

export interface Term {
  /** Finished lines, the newest last. */
  lines: string[];
  /** The line that is being written, and where in it. */
  line: string;
  column: number;
  /** Of an escape sequence that has begun. */
  pending: string;
  /** Lines that are kept no longer. */
  dropped: number;
}

export const empty = (): Term => ({ lines: [], line: "", column: 0, pending: "", dropped: 0 });

const keep = 5000;
const longest = 4000;

const esc = "\u001b";
const bell = "\u0007";
/** No sequence is longer. */
const longestEscape = 256;

/** Length of the escape sequence that `text` begins with; undefined = it goes on beyond the text. */
function escapeLength(text: string): number | undefined {
  const kind = text[1];
  if (kind === undefined) return undefined;
  if (kind === "[") {
    for (let i = 2; i < text.length; i += 1) if (text[i]! >= "@" && text[i]! <= "~") return i + 1;
    return undefined;
  }
  if (kind === "]") {
    for (let i = 2; i < text.length; i += 1) {
      if (text[i] === bell) return i + 1;
      if (text[i] === esc && text[i + 1] === "\\") return i + 2;
    }
    return undefined;
  }
  // Those of a character set have one letter more.
  if (kind >= " " && kind <= "/") return text.length > 2 ? 3 : undefined;
  return 2;
}

export function feed(term: Term, text: string): Term {
  const lines = term.lines.slice();
  let { line, column, dropped } = term;
  let pending = "";
  const all = term.pending + text;
  for (let i = 0; i < all.length; i += 1) {
    const c = all[i]!;
    if (c === esc) {
      const rest = all.slice(i, i + longestEscape);
      const length = escapeLength(rest);
      if (length === undefined && i + rest.length === all.length && rest.length < longestEscape) {
        pending = rest;
        break;
      }
      const found = rest.slice(0, length ?? 0);
      // Erase to the end of the line: shells draw their prompt with it.
      if (found === `${esc}[K` || found === `${esc}[0K`) line = line.slice(0, column);
      i += Math.max(0, found.length - 1); // one that is too long leads to nothing
      continue;
    }
    if (c === "\n") {
      lines.push(line);
      line = "";
      column = 0;
    } else if (c === "\r") column = 0;
    else if (c === "\b") column = Math.max(0, column - 1);
    else if (c === "\t") {
      const to = (Math.floor(column / 8) + 1) * 8;
      line = line.padEnd(to);
      column = to;
    } else if (c >= " " && c !== "\u007f" && column < longest) {
      line = line.slice(0, column) + c + line.slice(column + 1);
      column += 1;
    }
  }
  if (lines.length > keep) {
    dropped += lines.length - keep;
    lines.splice(0, lines.length - keep);
  }
  return { lines, line, column, pending, dropped };
}
