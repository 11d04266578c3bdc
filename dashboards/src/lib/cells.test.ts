import { describe, expect, it } from "vitest";
import {
  causeOf,
  evidenceOf,
  highmemOf,
  matrixOf,
  sortedOutcomes,
  squareState,
  squaresOf,
} from "./cells";

describe("cells", () => {
  it("know HIGHMEM by the config's name", () => {
    expect(highmemOf("i386-highmem")).toBe("on");
    expect(highmemOf("i386-nohighmem")).toBe("off");
    expect(highmemOf("x86_64")).toBe("");
  });
  it("list passes first and what is missing last", () => {
    expect(sortedOutcomes({ fail: 1, missing: 2, pass: 9, skip: 3 }).map((p) => p.outcome)).toEqual(
      ["pass", "skip", "fail", "missing"],
    );
  });
  it("make the 2x2 of a finding, HIGHMEM on first", () => {
    const counts = (variant: string, config: string, outcomes: Record<string, number>) =>
      ({ variant, config, outcomes }) as never;
    const squares = squaresOf({
      counts: [
        counts("baseline", "a-nohighmem", { pass: 5 }),
        counts("patched", "a-nohighmem", { pass: 5 }),
        counts("baseline", "a-highmem", { pass: 5 }),
        counts("patched", "a-highmem", { crash: 5 }),
      ],
    });
    expect(squares.map((s) => [s.hm, squareState(s)])).toEqual([
      ["on", "bad"],
      ["off", "ok"],
    ]);
    expect(
      squareState({
        hm: "",
        config: "",
        base: { bad: 2, boots: 4 },
        patched: { bad: 2, boots: 4 },
      }),
    ).toBe("same");
    expect(
      squareState({
        hm: "",
        config: "",
        base: { bad: 2, boots: 4 },
        patched: { bad: 0, boots: 4 },
      }),
    ).toBe("fixed");
    expect(squareState({ hm: "", config: "" })).toBe("none");
  });
  it("leave prefix kernels out of the matrix and keep merged cells", () => {
    const matrix = matrixOf({
      cells: [
        { variant: "patched", config: "c", sameAs: "baseline/c" },
        { variant: "baseline", config: "c", sameAs: "" },
        { variant: "prefix-1", config: "c", sameAs: "" },
      ],
      outcomeCounts: [],
      findings: [],
      sessions: [],
    });
    expect(matrix.variants).toEqual(["baseline", "patched"]);
    expect(matrix.cell("patched", "c").sameAs).toBe("baseline/c");
  });
  it("say what a kernel report is about", () => {
    const text = new TextEncoder().encode(
      "<4> [8.37] ----[ cut here ]----\n<4> [8.38] DEBUG_LOCKS_WARN_ON(x)\n",
    );
    expect(causeOf([{ title: "<4> [8.372408] ------------[ cut here ]------------", text }])).toBe(
      "DEBUG_LOCKS_WARN_ON(x)",
    );
    expect(causeOf([{ title: "BUG: bad page", text }])).toBe("BUG: bad page");
    expect(causeOf([])).toBe("");
  });
  it("find the evidence's line", () => {
    expect(evidenceOf(["nothing", "session 12: console line 1204: BUG"])).toEqual({
      session: 12n,
      line: 1204,
    });
    expect(evidenceOf(["session 34: missing"])).toEqual({ session: 34n, line: undefined });
    expect(evidenceOf([])).toBeUndefined();
  });
});
