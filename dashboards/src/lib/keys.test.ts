import { describe, expect, it } from "vitest";
import { help, isTyping, KeyReader } from "./keys";

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  ...more,
});
const body = { tagName: "BODY", isContentEditable: false };

describe("keys", () => {
  it("are dead where people type", () => {
    expect(isTyping({ tagName: "INPUT", isContentEditable: false, type: "search" })).toBe(true);
    expect(isTyping({ tagName: "INPUT", isContentEditable: false, type: "checkbox" })).toBe(false);
    expect(isTyping({ tagName: "DIV", isContentEditable: true })).toBe(true);
    const reader = new KeyReader();
    expect(reader.read(press("a"), { tagName: "TEXTAREA", isContentEditable: false }, 0)).toEqual({
      kind: "none",
    });
  });
  it("leave the browser's own alone", () => {
    const reader = new KeyReader();
    expect(reader.read(press("r", { ctrlKey: true }), body, 0)).toEqual({ kind: "none" });
    expect(reader.read(press("a", { isComposing: true }), body, 0)).toEqual({ kind: "none" });
    expect(reader.read(press("F5"), body, 0)).toEqual({ kind: "none" });
  });
  it("go to pages after g, for a moment", () => {
    const reader = new KeyReader();
    expect(reader.read(press("g"), body, 0)).toEqual({ kind: "none" });
    expect(reader.read(press("u"), body, 500)).toEqual({ kind: "go", path: "/runs" });
    reader.read(press("g"), body, 1000);
    expect(reader.read(press("u"), body, 9000)).toEqual({ kind: "key", key: "u" });
    reader.read(press("g"), body, 10_000);
    expect(reader.read(press("z"), body, 10_100)).toEqual({ kind: "key", key: "z" });
  });
  it("are all explained", () => {
    const told = help.map((h) => h.keys).join(" ");
    for (const key of ["j", "k", "a", "r", "d", "u", "x", "m", "s", "?", "Y"])
      expect(told).toContain(key);
  });
});
