import { describe, expect, it } from "vitest";
import { inApp, linesHash, parseLines, parsePath, safeLink, to, withQuery } from "./route";

describe("addresses", () => {
  it("lead to pages and back", () => {
    expect(parsePath("/")).toEqual({ page: "review" });
    expect(parsePath("/runs")).toEqual({ page: "runs" });
    expect(parsePath(to.run(412n))).toEqual({ page: "run", run: 412n, part: "" });
    expect(parsePath(to.finding(412n, "f3"))).toEqual({
      page: "finding",
      run: 412n,
      finding: "f3",
    });
    expect(parsePath("/run/412/f3")).toEqual({ page: "finding", run: 412n, finding: "f3" });
    expect(parsePath(to.log(4n, 5n, "igt@a@b/c"))).toEqual({
      page: "log",
      run: 4n,
      session: 5n,
      what: "igt@a@b/c",
    });
    expect(parsePath(to.machine("a/b"))).toEqual({ page: "machine", machine: "a/b" });
    expect(parsePath(to.console("kbl-1"))).toEqual({ page: "console", machine: "kbl-1" });
    expect(parsePath(to.test("igt@gem_pread@basic"))).toEqual({
      page: "test",
      test: "igt@gem_pread@basic",
    });
  });
  it("that name nothing say so", () => {
    for (const path of [
      "/nowhere",
      "/run/abc",
      "/run/-1",
      "/run/0",
      "/run/99999999999999999999",
      "/finding/1/x",
      "/finding/1",
      "/run/1/session/x/console",
      "/%E0%A4%A",
    ])
      expect(parsePath(path).page, path).toBe("nothing");
  });
  it("name lines of a log", () => {
    expect(parseLines("#L1204")).toEqual({ from: 1204, to: 1204 });
    expect(parseLines("#L9-L3")).toEqual({ from: 3, to: 9 });
    expect(parseLines("#L0")).toBeUndefined();
    expect(parseLines("#x")).toBeUndefined();
    expect(linesHash(3, 9)).toBe("#L3-L9");
  });
  it("keep the view in the query, readable", () => {
    expect(withQuery("?n=5", "q", "class:regression test:gem_*")).toBe(
      "?n=5&q=class:regression+test:gem_*",
    );
    expect(withQuery("?n=5&q=x", "q", "")).toBe("?n=5");
    expect(withQuery("?q=x", "q", "")).toBe("");
  });
  it("never lead out by a stored text", () => {
    expect(safeLink("javascript:alert(1)")).toBeUndefined();
    expect(safeLink("data:text/html,x")).toBeUndefined();
    expect(safeLink("https://bugs.example.org/7")).toBe("https://bugs.example.org/7");
    expect(inApp("//evil.example", "http://127.0.0.1:1")).toBe(false);
    expect(inApp("/auth/sign-out", "http://127.0.0.1:1")).toBe(false);
    expect(inApp("/runs", "http://127.0.0.1:1")).toBe(true);
  });
});
