// Figures, not checks of right and wrong: npm run vitals
// Prints what a first visit of each page takes, what moves in it, what axe says, and how the large heat map scrolls;
// fails over its limits. What Lighthouse looks at, over a stand-in; the headers are tested on the real server.
// Only on a quiet machine: this is why the tests do not do it.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessible, launch, open, settled } from "./browser";
import { bigGrid, seeded, someMetric } from "./seeds";
import type { StandIn } from "./standin";

let standin: StandIn;
let browser: Browser;

beforeAll(async () => {
  standin = await seeded();
  standin.role = "admin";
  standin.grid = bigGrid(500, 200);
  standin.metric = someMetric();
  await standin.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await standin?.stop();
});

const lines: string[] = [];

it.each([
  "/review",
  "/runs",
  "/run/1",
  "/run/2",
  "/finding/2/f1",
  "/tests",
  "/perf?metric=kmap/ns_per_map",
  "/machines",
  "/machine/bdw-1",
  "/queue",
  "/known",
  "/builds?run=1",
])("%s", async (path) => {
  const warm = await open(browser, standin.url, "/machines");
  await settled(warm.page);
  await warm.context.close();
  const { page, context, errors, outside } = await open(browser, standin.url, "/icon.svg");
  await page.addInitScript(() => {
    const w = window as unknown as { longest: number; shift: number };
    w.longest = 0;
    w.shift = 0;
    new PerformanceObserver((list) => {
      for (const e of list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[])
        if (!e.hadRecentInput) w.shift += e.value;
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) w.longest = Math.max(w.longest, e.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(standin.url + path);
  await settled(page);
  await page.waitForTimeout(500); // what comes late must not move what is read
  const got = await page.evaluate(() => ({
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    complete: performance.now() - 500,
    longest: (window as unknown as { longest: number }).longest,
    shift: (window as unknown as { shift: number }).shift,
  }));
  lines.push(
    `${path}: first content ${got.paint.toFixed(0)} ms, complete ${got.complete.toFixed(0)} ms, longest task ${got.longest.toFixed(0)} ms, shift ${got.shift.toFixed(3)}`,
  );
  await accessible(page, path);
  await context.close();
  console.log(lines[lines.length - 1]);
  expect(errors).toEqual([]);
  expect(outside).toEqual([]);
  expect(got.shift).toBeLessThan(0.1);
  expect(got.paint).toBeLessThan(300);
  expect(got.complete).toBeLessThan(1000);
  expect(got.longest).toBeLessThan(100);
});

it("500 tests x 200 runs scroll", async () => {
  const { page, context } = await open(browser, standin.url, "/tests");
  await settled(page);
  const frames = await page.evaluate(async () => {
    const heat = document.querySelector(".heat")!;
    const times: number[] = [];
    let last = performance.now();
    for (let i = 0; i < 120; i += 1) {
      heat.scrollTop += 60;
      heat.scrollLeft -= 8;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b);
  });
  const at = (q: number) => frames[Math.floor(q * (frames.length - 1))]!;
  console.log(`heat map: frame median ${at(0.5).toFixed(1)} ms, 95 % ${at(0.95).toFixed(1)} ms`);
  expect(at(0.5)).toBeLessThan(17.5);
  await context.close();
});
