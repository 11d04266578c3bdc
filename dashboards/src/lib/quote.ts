// Commands to copy into a shell. Pure.

/** A word of a command line, in single quotes when a shell would read something into it. */
export function quote(word: string): string {
  // A line break inside of a pasted command would run it: it becomes a blank.
  const flat = word.replace(/[\r\n\t]+/g, " ");
  if (flat !== "" && /^[A-Za-z0-9_@%+=:,./-]+$/.test(flat)) return flat;
  return `'${flat.replaceAll("'", "'\\''")}'`;
}

export function command(...words: (string | undefined | false)[]): string {
  return words
    .filter((w): w is string => typeof w === "string")
    .map((w, i) => (i === 0 ? w : quote(w)))
    .join(" ");
}
