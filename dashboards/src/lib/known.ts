// Known issues as sentences and as commands. Pure.
import { command } from "./quote";

export interface KnownFields {
  machine: string;
  tag: string;
  config: string;
  test: string;
  outcomes: string;
  signature: string;
  text: string;
  reason: string;
  link: string;
  expires: string; // 2027-01-31, "" = never
}

export function outcomesOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[\s,]+/)
        .map((o) => o.trim())
        .filter(Boolean),
    ),
  ];
}

/** "On kbl-*, config *-nohighmem, igt@gem_mmap@* that ends as fail is no news until 2027-01-31." */
export function knownSentence(f: KnownFields): string {
  const where = [
    f.machine && `machine ${f.machine}`,
    f.tag && `a machine with ${f.tag}`,
    f.config && `config ${f.config}`,
  ].filter(Boolean);
  const outcomes = outcomesOf(f.outcomes);
  const what = [
    f.test || "any test",
    outcomes.length ? `that ends as ${outcomes.join(" or ")}` : "",
    f.signature ? `with the report ${f.signature}` : "",
    f.text ? `with the words /${f.text}/` : "",
  ].filter(Boolean);
  const until = f.expires ? `until ${f.expires}` : "for ever";
  return `${where.length ? `On ${where.join(", ")}: ` : ""}${what.join(" ")} is no news, ${until}.`;
}

/** What the filter lacks before it may be saved, "" = nothing. */
export function missing(f: KnownFields): string {
  if (!f.test.trim() && !f.signature.trim() && !f.text.trim())
    return "it has to name a test, a kernel report or words";
  if (!f.reason.trim()) return "it needs a reason";
  return "";
}

export function knownCommand(id: bigint, f: KnownFields): string {
  const option = (name: string, value: string) => (value.trim() ? [`--${name}`, value.trim()] : []);
  return command(
    id === 0n ? "kiln known add" : "kiln known edit",
    ...(id === 0n ? [] : [String(id)]),
    ...option("test", f.test),
    ...option("config", f.config),
    ...outcomesOf(f.outcomes).flatMap((o) => ["--outcome", o]),
    ...option("signature", f.signature),
    ...option("text", f.text),
    ...option("machine", f.machine),
    ...option("tag", f.tag),
    ...option("reason", f.reason),
    ...option("link", f.link),
    "--expires",
    f.expires || "never",
  );
}
