// Every page with data: complete, accessible, inside its window at three widths, quiet in the console.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessible, fits, launch, open, settled } from "./browser";
import { bigGrid, seeded, someMetric } from "./seeds";
import type { StandIn } from "./standin";

const pages: { name: string; path: string; says: string }[] = [
  { name: "review", path: "/review", says: "30 to decide" },
  { name: "runs", path: "/runs", says: "Do not apply yet" },
  { name: "run", path: "/run/2", says: "Do not apply yet: 2 regressions" },
  { name: "run-good", path: "/run/1", says: "No regression: all 908" },
  { name: "finding", path: "/finding/2/f1", says: "abort in 6 of 6 boots" },
  { name: "machines", path: "/machines", says: "3 infrastructure errors in a row" },
  { name: "machine", path: "/machine/bdw-1", says: "2 at the lab's fault" },
  { name: "console", path: "/machine/bdw-1/console", says: "Linux version 6.1" },
  { name: "queue", path: "/queue", says: "waits for a machine with gen9" },
  { name: "known", path: "/known", says: "fails since 6.1.150" },
  { name: "log", path: "/run/2/session/34/console#L1204", says: "unable to handle page fault" },
  { name: "tests", path: "/tests", says: "gem_history_" },
  { name: "test", path: "/test/igt%40gem_history_001%40case", says: "Bad in" },
  { name: "performance", path: "/perf?metric=kmap/ns_per_map", says: "60 runs" },
  {
    name: "builds",
    path: "/builds?run=1&left=baseline/i386-highmem&right=baseline/i386-nohighmem",
    says: "DEBUG_KMAP_LOCAL",
  },
  { name: "admin", path: "/admin", says: "5qeosxux" },
];

let standin: StandIn;
let browser: Browser;
const shots = process.env.KILN_SCREENSHOTS ?? "";

beforeAll(async () => {
  standin = await seeded();
  standin.role = "admin";
  standin.console =
    "[    0.000000] Linux version 6.1.192\r\n[    0.1] \x1b[32mconsole\x1b[0m ready\r\n# ";
  standin.grid = bigGrid(60, 90);
  standin.metric = someMetric();
  await standin.start();
  browser = await launch();
  if (shots) mkdirSync(shots, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
  await standin?.stop();
});

describe.each(pages)("$name", ({ name, path, says }) => {
  it("shows its data, calls nobody else, and says how the CLI does it", async () => {
    const { page, context, errors, outside } = await open(browser, standin.url, path);
    await settled(page);
    await expect.poll(() => page.locator("body").innerText()).toContain(says);
    expect(await page.locator(".cli-same code").first().innerText()).toMatch(/^kiln /);
    expect(await page.title()).toContain("Kiln");
    if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
    await accessible(page, `${name}, light`);
    expect(errors).toEqual([]);
    expect(outside).toEqual([]);
    await context.close();
  });
  it("is accessible in the dark, and fits from 360 px to 4K", async () => {
    const { page, context, errors } = await open(browser, standin.url, path, {
      width: 360,
      height: 780,
      dark: true,
    });
    await settled(page);
    await expect.poll(() => page.locator("body").innerText()).toContain(says);
    await fits(page, `${name} at 360`);
    await accessible(page, `${name}, dark at 360`);
    if (shots) await page.screenshot({ path: join(shots, `${name}-360-dark.png`) });
    await page.setViewportSize({ width: 3840, height: 2160 });
    await fits(page, `${name} at 3840`);
    expect(errors).toEqual([]);
    await context.close();
  });
});
