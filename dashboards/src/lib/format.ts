// Figures and times as people read them; the same rules as lib/report/words.cpp. Pure.

export function percent(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const text = Math.abs(value) < 1 ? value.toFixed(2) : value.toFixed(1);
  if (Number(text) === 0) return "0.00 %";
  return `${value > 0 ? "+" : ""}${text} %`;
}

export function interval(low: number, high: number): string {
  const digits = Math.max(Math.abs(low), Math.abs(high)) < 2 ? 2 : 1;
  const one = (v: number) => `${v < 0 ? "" : "+"}${v.toFixed(digits)}`;
  return `[${one(low)}, ${one(high)}]`;
}

export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000 || Number.isInteger(value)) return grouped(value.toFixed(0));
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(2);
  return String(Number(value.toPrecision(3)));
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

export function count(n: number, one: string, many: string): string {
  return `${grouped(String(n))} ${n === 1 ? one : many}`;
}

export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** "41 s", "3 min 02 s", "2 h 51 min", "3 d 4 h"; "–" when it is no sensible time. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 1) return seconds === 0 ? "0 s" : `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  const min = Math.round(s / 60);
  if (min < 48 * 60) return `${Math.floor(min / 60)} h ${two(min % 60)} min`;
  const h = Math.round(min / 60);
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

export interface ProtoTime {
  seconds: bigint;
  nanos: number;
}

/** Undefined for a time that was never set. */
export function dateOf(time: ProtoTime | undefined): Date | undefined {
  if (!time || time.seconds <= 0n) return undefined;
  return new Date(Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6));
}

/** "just now", "5 min ago", "3 h ago", "2 d ago", "in 4 min". */
export function ago(date: Date, now: Date): string {
  const s = Math.round((now.getTime() - date.getTime()) / 1000);
  const size = Math.abs(s);
  const words =
    size < 45
      ? ""
      : size < 3600
        ? `${Math.max(1, Math.round(size / 60))} min`
        : size < 48 * 3600
          ? `${Math.round(size / 3600)} h`
          : `${Math.round(size / 86400)} d`;
  if (!words) return "just now";
  return s >= 0 ? `${words} ago` : `in ${words}`;
}

const zoned = new Map<string, Intl.DateTimeFormat>();
function formatter(zone: string | undefined, options: Intl.DateTimeFormatOptions) {
  const key = `${zone ?? ""}|${JSON.stringify(options)}`;
  let found = zoned.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    zoned.set(key, found);
  }
  return found;
}

/** In the viewer's zone: "12:04" today, "27 Nov 12:04" this year, "27 Nov 2025" else. */
export function shortTime(date: Date, now: Date, zone?: string): string {
  const day = formatter(zone, { year: "numeric", month: "2-digit", day: "2-digit" });
  if (day.format(date) === day.format(now))
    return formatter(zone, { hour: "2-digit", minute: "2-digit" }).format(date);
  const year = formatter(zone, { year: "numeric" });
  if (year.format(date) === year.format(now))
    return formatter(zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })
      .format(date)
      .replace(" at ", " ")
      .replace(",", "");
  return formatter(zone, { day: "numeric", month: "short", year: "numeric" }).format(date);
}

/** The whole truth, for hovering: "2026-11-28T12:12:05Z (28 Nov 2026, 14:12:05 EET)". */
export function exactTime(date: Date, zone?: string): string {
  const local = formatter(zone, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(date);
  return `${date.toISOString().replace(/\.\d+Z$/, "Z")} (${local})`;
}

/** Of an RFC 3339 text with an offset; undefined when it is none. */
export function dateOfText(text: string): Date | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : new Date(ms);
}

/** Bytes that may be anything, as text; control characters become visible, nothing is dropped. */
export function textOf(data: Uint8Array): string {
  return visible(new TextDecoder("utf-8", { fatal: false }).decode(data));
}

export function visible(text: string): string {
  // Colour codes of consoles say nothing here; every other control byte is shown as a picture of it.
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "")
      .replace(/\r+$/gm, "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
      .replace(/[\x00-\x08\x0b-\x1f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
      .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "�")
  );
}

/** "igt@gem_pread@basic" without its first word, which all have. */
export function shortTest(test: string): string {
  return test.startsWith("igt@") ? test.slice(4) : test;
}

export function shortId(hex: string, digits = 10): string {
  return hex.slice(0, digits);
}
