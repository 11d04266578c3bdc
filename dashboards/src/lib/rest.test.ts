import { describe, expect, it } from "vitest";
import { lastChange } from "./grid";
import { knownCommand, knownSentence, missing } from "./known";
import { above, below, classOf, cut, join, openAt } from "./loglines";
import { markOfAnswer, markOfClass, markOfOutcome, markOfResult } from "./marks";
import { columns, seriesOf } from "./metrics";
import { commonRange, pairChange, rateInterval, scale, ticks } from "./plot";
import { backoff, problemOf } from "./problem";
import { command, quote } from "./quote";

describe("marks", () => {
  it("have a glyph and a word, also for what nobody knows", () => {
    for (const name of [
      "regression",
      "fix",
      "flaky",
      "coverage-lost",
      "known",
      "constructor",
      "",
      "what",
    ]) {
      expect(markOfClass(name).glyph).not.toBe("");
      expect(markOfClass(name).word).not.toBe("");
    }
    expect(markOfResult("toString").word).toBe("toString");
    expect(markOfOutcome("missing").glyph).toBe("∅");
  });
  it("say better and worse, not up and down", () => {
    expect(
      markOfAnswer({ answer: "faster", kind: "wall-clock", leftTypical: 2, rightTypical: 1 }),
    ).toMatchObject({ glyph: "▲", word: "faster" });
    expect(
      markOfAnswer({ answer: "slower", kind: "counter", leftTypical: 1, rightTypical: 2 }),
    ).toMatchObject({ glyph: "▼", word: "more" });
  });
});

describe("commands", () => {
  it("can be pasted whatever a name holds", () => {
    expect(quote("igt@a@b")).toBe("igt@a@b");
    expect(quote("a b")).toBe("'a b'");
    expect(quote("it's")).toBe(`'it'\\''s'`);
    expect(quote("x\nrm -rf /")).toBe("'x rm -rf /'");
    expect(quote("$(reboot)")).toBe("'$(reboot)'");
    expect(command("kiln log", "1", "2", "igt@*")).toBe("kiln log 1 2 'igt@*'");
  });
});

describe("known issues", () => {
  const f = {
    machine: "",
    tag: "gen9",
    config: "*-highmem",
    test: "igt@gem_*",
    outcomes: "fail, crash",
    signature: "",
    text: "",
    reason: "old",
    link: "",
    expires: "2027-01-31",
  };
  it("are a sentence and a command", () => {
    expect(knownSentence(f)).toBe(
      "On a machine with gen9, config *-highmem: igt@gem_* that ends as fail or crash is no news, until 2027-01-31.",
    );
    expect(knownCommand(0n, f)).toBe(
      "kiln known add --test 'igt@gem_*' --config '*-highmem' --outcome fail --outcome crash --tag gen9 --reason old --expires 2027-01-31",
    );
    expect(knownCommand(3n, f)).toContain("kiln known edit 3 --test");
  });
  it("need something to cover and a reason", () => {
    expect(missing(f)).toBe("");
    expect(missing({ ...f, reason: " " })).toBe("it needs a reason");
    expect(missing({ ...f, test: "" })).toContain("has to name");
  });
});

describe("logs", () => {
  it("open at the evidence with 12 lines above", () => {
    expect(openAt(1204)).toEqual({ first: 1192, lines: 400 });
    expect(openAt(3)).toEqual({ first: 1, lines: 400 });
    expect(openAt(undefined)).toEqual({ first: 0, lines: 400 });
  });
  it("page both ways and never hold more than they may", () => {
    const lines = (n: number) => Array.from({ length: n }, (_, i) => `${i}`);
    const a = { first: 401, lines: lines(400), total: 1000 };
    expect(above(a)).toEqual({ first: 1, lines: 400 });
    expect(below(a)).toEqual({ first: 801, lines: 400 });
    expect(below({ ...a, first: 601 })).toBeUndefined();
    const down = join(a, { first: 801, lines: lines(200), total: 1000 }, 500);
    expect([down.first, down.lines.length]).toEqual([501, 500]);
    const up = join(a, { first: 1, lines: lines(400), total: 1000 }, 500);
    expect([up.first, up.lines.length]).toEqual([1, 500]);
    expect(join(a, { first: 1, lines: lines(10), total: 1000 }).first).toBe(1);
  });
  it("know the kernel's reports and IGT's words", () => {
    expect(classOf("[   41.4] BUG: unable to handle page fault")).toBe("report");
    expect(classOf("<6>[ 3.2] [IGT] gem_pread: starting subtest basic")).toBe("start");
    expect(classOf("Subtest basic: SUCCESS (0.1s)")).toBe("result");
    expect(classOf("[ 3.6] kernel BUG at mm/highmem.c:467!")).toBe("report");
    expect(classOf("debug: nothing")).toBe("");
  });
  it("mark hits without cutting characters", () => {
    expect(
      cut("a Bug, a bug", "bug")
        .filter((c) => c.hit)
        .map((c) => c.text),
    ).toEqual(["Bug", "bug"]);
    expect(cut("İx", "x")).toEqual([{ text: "İx", hit: false }]);
    expect(cut("", "x")).toEqual([{ text: "", hit: false }]);
  });
});

describe("plots", () => {
  it("hold every interval on one scale", () => {
    const range = commonRange([
      { changePercent: -3, ciLowPercent: -5, ciHighPercent: -1, marginPercent: 2 },
    ]);
    expect(range.low).toBeLessThan(-5);
    expect(range.high).toBeGreaterThan(2);
    expect(
      commonRange([
        { changePercent: Number.NaN, ciLowPercent: -1e9, ciHighPercent: 0, marginPercent: 2 },
      ]).low,
    ).toBeGreaterThan(-200);
  });
  it("have round ticks and clamp", () => {
    expect(ticks(-6, 2)).toEqual([-6, -4, -2, 0, 2]);
    expect(ticks(0, 0)).toEqual([]);
    expect(scale(0, 10, 0, 100).at(20)).toBe(100);
  });
  it("have no percent from zero", () => {
    expect(pairChange(0, 5)).toBeUndefined();
    expect(pairChange(200, 100)).toBe(-50);
  });
  it("know that no bad boot of few says little", () => {
    const [low, high] = rateInterval(0, 5);
    expect(low).toBe(0);
    expect(high).toBeGreaterThan(0.4);
    expect(rateInterval(0, 0)).toEqual([0, 1]);
  });
});

describe("histories", () => {
  it("leave gaps as gaps", () => {
    const point = (run: bigint, time: number, config: string, median: number) => ({
      run,
      time,
      boots: [median],
      median,
      config,
      variant: "baseline",
    });
    const series = seriesOf([point(1n, 10, "a", 1), point(2n, 20, "b", 2), point(3n, 30, "a", 3)]);
    expect(columns(series)).toEqual([
      [10, 20, 30],
      [1, null, 3],
      [null, 2, null],
    ]);
  });
  it("find the newest change, also across runs that were not planned", () => {
    expect(lastChange({ on: "..F", off: "..." })).toBe(2);
    expect(lastChange({ on: ". .", off: "   " })).toBe(-1);
  });
});

describe("problems", () => {
  it("are calm, bounded, and say what to do", () => {
    expect(problemOf("unavailable", "")).toMatchObject({
      title: "Kiln does not answer",
      retry: true,
    });
    expect(problemOf("strange", "x".repeat(5000)).detail.length).toBe(600);
    expect(problemOf("permission_denied", "no")).toMatchObject({ retry: false });
  });
  it("are tried again ever later, with an end", () => {
    expect(backoff(1, 0.5)).toBe(2);
    expect(backoff(50, 1)).toBeLessThanOrEqual(38);
    expect(backoff(0, 0)).toBe(1);
  });
});
