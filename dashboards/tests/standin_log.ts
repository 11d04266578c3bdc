// What the stand-in answers of a log: ranges of lines, and where a word is.

const base64 = (line: string) => Buffer.from(line).toString("base64");

export function pageOf(log: readonly string[], body: { firstLine?: string; lines?: number }) {
  const lines = body.lines || 400;
  const first = Number(body.firstLine ?? 0) || Math.max(1, log.length - lines + 1);
  return {
    firstLine: String(first),
    lines: log.slice(first - 1, first - 1 + lines).map(base64),
    totalLines: String(log.length),
    totalBytes: String(log.join("\n").length),
  };
}

export function hitsOf(log: readonly string[], body: { text?: string; limit?: number }) {
  const want = String(body.text).toLowerCase();
  const hits = log.flatMap((line, i) =>
    line.toLowerCase().includes(want) ? [{ line: String(i + 1), text: base64(line) }] : [],
  );
  return { hits: hits.slice(0, body.limit ?? 200), total: String(hits.length), countedAll: true };
}
