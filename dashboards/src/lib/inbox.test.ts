import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { FindingRowSchema } from "../gen/kiln/v1/findings_pb";
import { FindingSchema } from "../gen/kiln/v1/report_pb";
import {
  afterDecision,
  confidenceWords,
  filterFor,
  groups,
  split,
  step,
  titleOf,
  worstCounts,
} from "./inbox";

const finding = (id: string, cls: string, more = {}) =>
  create(FindingSchema, {
    id,
    class: cls,
    test: `igt@t@${id}`,
    counts: [
      { variant: "baseline", config: "i386-highmem", outcomes: { pass: 5 } },
      { variant: "patched", config: "i386-highmem", outcomes: { fail: 4, "dmesg-fail": 1 } },
      { variant: "baseline", config: "i386-nohighmem", outcomes: { pass: 5 } },
      { variant: "patched", config: "i386-nohighmem", outcomes: { pass: 5 } },
    ],
    ...more,
  });
const row = (runId: bigint, id: string, cls: string, state = "open", more = {}) =>
  create(FindingRowSchema, { runId, finding: finding(id, cls, more), state });

describe("review", () => {
  it("shows what needs a person and folds the rest away", () => {
    const parts = split([
      row(1n, "f1", "regression"),
      row(1n, "f2", "known"),
      row(1n, "f3", "infrastructure"),
      row(1n, "f4", "flaky", "dismissed"),
      row(1n, "f5", "warning", ""),
    ]);
    expect(parts.open.map((r) => r.finding!.id)).toEqual(["f1", "f5"]);
    expect(parts.quiet.map((r) => r.finding!.id)).toEqual(["f2", "f3"]);
    expect(parts.decided.map((r) => r.finding!.id)).toEqual(["f4"]);
  });
  it("has the newest run first and the worst in it first", () => {
    const out = groups([
      row(1n, "f1", "regression"),
      row(2n, "f1", "fix"),
      row(2n, "f2", "flaky"),
      row(2n, "f3", "regression", "open", { confidence: 0.9 }),
      row(2n, "f4", "regression", "open", { confidence: 0.99 }),
    ]);
    expect(out.map((g) => g.run)).toEqual([2n, 1n]);
    expect(out[0]!.rows.map((r) => r.finding!.id)).toEqual(["f4", "f3", "f2", "f1"]);
  });
  it("moves the focus to the next undecided", () => {
    const order = ["a", "b", "c", "d"];
    expect(afterDecision(order, new Set(["b"]), "b")).toBe("c");
    expect(afterDecision(order, new Set(["b", "c"]), "b")).toBe("d");
    expect(afterDecision(order, new Set(["d"]), "d")).toBe("c");
    expect(afterDecision(["a"], new Set(["a"]), "a")).toBe("");
    expect(step(order, "", 1)).toBe("a");
    expect(step(order, "d", 1)).toBe("d");
    expect(step([], "x", 1)).toBe("");
  });
  it("says counts and how sure, and never 100 %", () => {
    expect(worstCounts(row(1n, "f1", "regression"))).toBe("5/5 vs 0/5");
    expect(confidenceWords(0.9997883)).toBe("99.98 %");
    expect(confidenceWords(1)).toBe("99.99 %");
    expect(confidenceWords(0.992)).toBe("99.2 %");
    expect(confidenceWords(0)).toBe("");
    expect(titleOf(3)).toBe("▼3 Review");
  });
  it("prefills a filter that covers the finding and no more", () => {
    expect(filterFor(row(1n, "f1", "regression"))).toEqual({
      test: "igt@t@f1",
      config: "i386-highmem",
      signature: "",
      outcomes: ["fail", "dmesg-fail"],
    });
  });
});
