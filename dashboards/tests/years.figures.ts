// Figures of the pages over a large database: bench/years/run sets KILN_FIGURES_AT to the address that
// `kiln serve` printed. A line `PAGE {json}` each, the median of several visits; nothing fails by its time.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, open, settled } from "./browser";

const key = process.env.KILN_FIGURES_AT ?? "";
const visits = 5;

let browser: Browser;
let page: Page;
let url = "";
let run = "";
let finding = "";
let session = "";
let test = "";
let metric = "";
let machine = "";

async function ask(method: string, body: object) {
  return page.evaluate(
    async ([m, b]) => {
      const reply = await fetch(`/kiln.v1.${m}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: b,
      });
      return reply.json();
    },
    [method, JSON.stringify(body)] as const,
  );
}

describe.runIf(key !== "")("pages over years of nights", () => {
  beforeAll(async () => {
    url = new URL(key).origin;
    browser = await launch();
    ({ page } = await open(browser, url, key.slice(url.length)));
    await settled(page);
    const open1 = (await ask("Findings/ListFindings", { state: "open", limit: 1 })).findings[0];
    run = open1.runId;
    finding = open1.finding.id;
    test = open1.finding.test;
    session = (await ask("Lab/GetReport", { runId: run })).sessions[0].id;
    machine = (await ask("Machines/ListMachines", {})).machines[0].name;
    metric = (await ask("History/MetricHistory", {})).metrics[0];
    await page.addInitScript(() => {
      const w = window as unknown as { longest: number };
      w.longest = 0;
      new PerformanceObserver((list) => {
        for (const e of list.getEntries()) w.longest = Math.max(w.longest, e.duration);
      }).observe({ type: "longtask", buffered: true });
    });
  });
  afterAll(async () => {
    await browser?.close();
  });

  it.each([
    ["review", () => "/review"],
    ["runs", () => "/runs"],
    ["run", () => `/run/${run}`],
    ["finding", () => `/finding/${run}/${finding}`],
    ["tests", () => "/tests"],
    ["test", () => `/test/${encodeURIComponent(test)}`],
    ["performance", () => `/perf?metric=${encodeURIComponent(metric)}`],
    ["machines", () => "/machines"],
    ["machine", () => `/machine/${encodeURIComponent(machine)}`],
    ["queue", () => "/queue"],
    ["known", () => "/known"],
    ["builds", () => `/builds?run=${run}&left=baseline/i386-highmem&right=baseline/i386-nohighmem`],
    ["log", () => `/run/${run}/session/${session}/console#L1204`],
  ] as const)("%s", async (name, path) => {
    const got: { paint: number; complete: number; longest: number }[] = [];
    for (let i = 0; i <= visits; i += 1) {
      await page.goto(`${url}/icon.svg`);
      await page.goto(url + path());
      await settled(page);
      expect(await page.locator("main .fault").count()).toBe(0);
      const now = await page.evaluate(() => ({
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
        complete: performance.now(),
        longest: (window as unknown as { longest: number }).longest,
      }));
      if (i > 0) got.push(now); // the first fills the browser's store of files
    }
    const middle = (of: "paint" | "complete" | "longest") =>
      Math.round(got.map((g) => g[of]).sort((a, b) => a - b)[Math.floor(visits / 2)]!);
    console.log(
      `PAGE ${JSON.stringify({ page: name, first_content_ms: middle("paint"), complete_ms: middle("complete"), longest_task_ms: middle("longest") })}`,
    );
  });

  // From a key to the picture that answers it, as the browser counts it (in steps of 8 ms, from 16 on).
  it.each([
    ["review: next row", () => "/review", ["j"]],
    ["review: select and next", () => "/review", ["x", "j"]],
    ["review: filter", () => "/review", ["/", "k", "m", "a", "p", "Backspace", "Backspace"]],
    ["tests: filter", () => "/tests", ["/", "g", "e", "m", "_", "Backspace"]],
    ["log: next line", () => `/run/${run}/session/${session}/console#L1204`, ["j"]],
  ] as const)("%s", async (name, path, keys) => {
    await page.goto(url + path());
    await settled(page);
    await page.evaluate(() => {
      const w = window as unknown as { took: Map<number, number> };
      w.took = new Map();
      new PerformanceObserver((list) => {
        for (const e of list.getEntries() as PerformanceEventTiming[])
          if (e.name === "keydown")
            w.took.set(e.startTime, Math.max(w.took.get(e.startTime) ?? 0, e.duration));
      }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
    });
    let pressed = 0;
    for (let i = 0; i < 12; i += 1)
      for (const key of keys) {
        await page.keyboard.press(key);
        pressed += 1;
        await page.waitForTimeout(60);
      }
    await page.waitForTimeout(300);
    const took = await page.evaluate(() => [
      ...(window as unknown as { took: Map<number, number> }).took.values(),
    ]);
    // What is not reported took less than 16 ms.
    const all = [...Array(Math.max(0, pressed - took.length)).fill(15), ...took].sort(
      (a, b) => a - b,
    );
    console.log(
      `PAGE ${JSON.stringify({ interaction: name, keys: pressed, median_ms: all[Math.floor(all.length / 2)], p95_ms: all[Math.floor(0.95 * all.length)], longest_ms: all[all.length - 1] })}`,
    );
  });
});
