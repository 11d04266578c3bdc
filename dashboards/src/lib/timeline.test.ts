import { expect, test } from "vitest";
import { busyShare, howOf, type Spell, spansOf, windowOf } from "./timeline";

const hour = 3_600_000;
const now = 1_000 * hour;
const spell = (id: number, begin: number, end: number): Spell => ({
  id: BigInt(id),
  begin: now - begin * hour,
  end: now - end * hour,
  how: "good",
  words: "",
});

test("the window is a day, or less when there is less", () => {
  expect(windowOf([spell(1, 100, 99), spell(2, 2, 1)], now)).toEqual([now - 24 * hour, now]);
  expect(windowOf([spell(1, 4, 3)], now)).toEqual([now - 4 * hour, now]);
  expect(windowOf([], now)).toEqual([now, now]);
});

test("spans are cut at the window's edges and never too thin to see", () => {
  const window: [number, number] = [now - 10 * hour, now];
  const spans = spansOf(
    [spell(1, 20, 15), spell(2, 12, 9), spell(3, 5, 5), spell(4, 1, -1)],
    window,
  );
  expect(spans.map((s) => [Number(s.id), s.left, s.width])).toEqual([
    [2, 0, 10],
    [3, 50, 0.15],
    [4, 90, 10],
  ]);
  // At the very end it still lies within.
  const last = spansOf([spell(5, 0, 0)], window)[0]!;
  expect(last.left + last.width).toBeLessThanOrEqual(100);
  expect(spansOf([spell(1, 1, 0)], [now, now])).toEqual([]);
});

test("how busy it was", () => {
  const window: [number, number] = [now - 10 * hour, now];
  expect(busyShare([spell(1, 20, 9), spell(2, 2, 1)], window)).toBeCloseTo(0.2);
  expect(busyShare([], window)).toBe(0);
  expect(busyShare([], [now, now])).toBe(0);
});

test("a clock that is wrong ends no session before it began", () => {
  expect(spansOf([spell(1, 1, 2)], [now - 10 * hour, now])[0]!.width).toBe(0.15);
});

test("only the lab's own faults are bad", () => {
  expect(howOf({ ending: "" })).toBe("now");
  expect(howOf({ ending: "infrastructure" })).toBe("bad");
  expect(howOf({ ending: "test-failed" })).toBe("good");
});
