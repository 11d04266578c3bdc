import { describe, expect, it } from "vitest";
import { empty, feed } from "./term";

const said = (...parts: string[]) => parts.reduce(feed, empty());

describe("a console's text", () => {
  it("joins what comes in pieces", () => {
    const term = said("[    0.0] Lin", "ux version\r\nlog", "in: ");
    expect(term.lines).toEqual(["[    0.0] Linux version"]);
    expect(term.line).toBe("login: ");
  });
  it("drops colours and titles, whole or cut anywhere", () => {
    const bytes = "\x1b[0;32m  OK  \x1b[0m done\x1b]0;root@x\x07!\r\n";
    for (let cut = 0; cut <= bytes.length; cut += 1)
      expect(said(bytes.slice(0, cut), bytes.slice(cut)).lines).toEqual(["  OK   done!"]);
  });
  it("lets a shell edit its line", () => {
    expect(said("# dmess\b \bg", "\x1b[K").line).toBe("# dmesg");
    expect(said("50 %\r100 %").line).toBe("100 %");
    expect(said("a\tb").line).toBe("a       b");
  });
  it("keeps a bounded part, whatever comes", () => {
    const term = said("x\n".repeat(6000), "y".repeat(100_000), `\x1b[${"1;".repeat(5000)}`);
    expect(term.lines.length).toBe(5000);
    expect(term.dropped).toBe(1000);
    expect(term.line.length).toBeLessThanOrEqual(4000);
    expect(term.pending.length).toBeLessThan(256);
  });
});
