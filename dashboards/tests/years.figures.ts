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
});
