// The console of a session that is going on: it grows under the reader's eyes, and stands still when he wants.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { launch, open, settled } from "./browser";
import { seeded } from "./seeds";
import type { StandIn } from "./standin";

let standin: StandIn;
let browser: Browser;
const at = "/run/2/session/34/console";

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
});
beforeEach(async () => {
  standin = await seeded();
  standin.log = Array.from({ length: 900 }, (_, i) => `line ${i + 1}`);
  standin.growing = true;
  await standin.start();
});
afterEach(async () => {
  await standin.stop();
});

const text = (page: Page) => page.locator(".log").innerText();
const fromEnd = (page: Page) =>
  page.locator(".log").evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight);

it("follows at the end, and stops when one scrolls up or says so", async () => {
  const { page, context, errors } = await open(browser, standin.url, at);
  await settled(page);
  await expect.poll(() => text(page)).toContain("line 900");
  expect(await page.locator(".log-bar").innerText()).toContain("it goes on");
  expect(await page.locator(".cli-same code").first().innerText()).toBe("kiln log 2 34 --follow");
  standin.log.push("<img src=x onerror=alert(1)> new");
  await expect.poll(() => text(page)).toContain("<img src=x onerror=alert(1)> new");
  await expect.poll(() => fromEnd(page)).toBeLessThan(5);

  await page.locator(".log").evaluate((el) => {
    el.scrollTop = el.scrollHeight / 2;
  });
  const follow = page.getByRole("button", { name: "▶ follow" });
  await expect.poll(() => follow.isVisible()).toBe(true);
  const before = await page.locator(".log").evaluate((el) => el.scrollTop);
  expect(await page.getByRole("button", { name: "⏸ pause" }).count()).toBe(0);
  standin.log.push("further");
  await expect.poll(() => page.locator(".log-bar").innerText()).toContain("902 lines");
  expect(await page.locator(".log").evaluate((el) => el.scrollTop)).toBe(before);

  await page.keyboard.press("f");
  await expect.poll(() => text(page)).toContain("further");
  await expect.poll(() => fromEnd(page)).toBeLessThan(5);
  expect(await page.locator("img").count()).toBe(0);
  expect(errors).toEqual([]);
  await context.close();
});

it("becomes the stored log when the session has ended", async () => {
  const { page, context } = await open(browser, standin.url, at);
  await settled(page);
  await expect.poll(() => text(page)).toContain("line 900");
  expect(await page.getByRole("link", { name: "dmesg" }).count()).toBe(0);
  standin.log = ["before it was looked at", ...standin.log, "Power down"];
  standin.growing = false;
  await expect.poll(() => text(page)).toContain("Power down");
  await expect.poll(() => page.getByRole("link", { name: "dmesg" }).count()).toBe(1);
  expect(await page.locator(".log-bar").innerText()).not.toContain("it goes on");
  const asked = standin.calls("ReadLog").length;
  await page.waitForTimeout(1500);
  expect(standin.calls("ReadLog").length).toBe(asked);
  await context.close();
});
