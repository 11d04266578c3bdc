import { describe, expect, it } from "vitest";
import {
  ago,
  bytes,
  dateOf,
  duration,
  exactTime,
  interval,
  number,
  percent,
  shortTime,
  visible,
} from "./format";

describe("figures", () => {
  it("are those of the reports", () => {
    expect(percent(-3.14)).toBe("-3.1 %");
    expect(percent(0.25)).toBe("+0.25 %");
    expect(percent(-0.001)).toBe("0.00 %");
    expect(interval(-4.6, -1.6)).toBe("[-4.6, -1.6]");
    expect(interval(-0.6, 1)).toBe("[-0.60, +1.00]");
    expect(number(3552.95)).toBe("3 553");
    expect(number(0.000012)).toBe("1.20e-5");
    expect(number(61.479)).toBe("61.48");
    expect(number(Number.NaN)).toBe("–");
    expect(bytes(2 ** 20 * 3.5)).toBe("3.5 MiB");
  });
  it("take times that make no sense", () => {
    expect(duration(-1)).toBe("–");
    expect(duration(Number.POSITIVE_INFINITY)).toBe("–");
    expect(duration(0.31)).toBe("0.3 s");
    expect(duration(182)).toBe("3 min 02 s");
    expect(duration(3576)).toBe("59 min 36 s");
    expect(duration(11_460)).toBe("3 h 11 min");
    expect(duration(86_400 * 3 + 3600 * 4)).toBe("3 d 4 h");
  });
});

describe("times", () => {
  const at = new Date("2026-11-28T12:12:05Z");
  it("are short in the viewer's zone, exact on demand", () => {
    expect(shortTime(at, new Date("2026-11-28T20:00:00Z"), "Europe/Helsinki")).toBe("14:12");
    expect(shortTime(at, new Date("2026-11-30T20:00:00Z"), "Europe/Helsinki")).toBe("28 Nov 14:12");
    expect(shortTime(at, new Date("2027-01-30T20:00:00Z"), "UTC")).toBe("28 Nov 2026");
    expect(exactTime(at, "UTC")).toContain("2026-11-28T12:12:05Z");
  });
  it("say how long ago, and in how long", () => {
    expect(ago(at, new Date("2026-11-28T12:12:20Z"))).toBe("just now");
    expect(ago(at, new Date("2026-11-28T15:12:05Z"))).toBe("3 h ago");
    expect(ago(at, new Date("2026-11-28T12:02:05Z"))).toBe("in 10 min");
  });
  it("of nothing are nothing: protobuf's zero is no time", () => {
    expect(dateOf(undefined)).toBeUndefined();
    expect(dateOf({ seconds: 0n, nanos: 0 })).toBeUndefined();
  });
});

describe("hostile text", () => {
  it("loses its power and nothing else", () => {
    expect(visible("\u001b[31mred\u001b[0m")).toBe("red");
    expect(visible("a\u0000b\u0007")).toBe("a\u2400b\u2407");
    expect(visible("evil \u202egnp.exe")).toBe("evil \ufffdgnp.exe");
    expect(visible("line\r\nnext\r\r\n")).toBe("line\nnext\n");
    expect(visible("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
  });
});
