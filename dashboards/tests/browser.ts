// Debian's Chromium by playwright-core, and what every browser test looks at.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.KILN_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

export interface Watched {
  page: Page;
  context: BrowserContext;
  errors: string[]; // what the console and the page complained of
  outside: string[]; // requests that left the server
}

export async function open(
  browser: Browser,
  url: string,
  path: string,
  how: { width?: number; height?: number; dark?: boolean; scripts?: boolean } = {},
): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: how.width ?? 1280, height: how.height ?? 900 },
    colorScheme: how.dark ? "dark" : "light",
    reducedMotion: "reduce",
    timezoneId: "Europe/Helsinki",
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  const errors: string[] = [];
  const outside: string[] = [];
  page.on("console", (message) => {
    // Answers with an error status are what some tests want; the page has to cope, and is looked at.
    if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text()))
      errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
      outside.push(request.url());
  });
  page.on("dialog", (dialog) => {
    errors.push(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.setDefaultTimeout(15_000);
  await page.goto(url + path);
  return { page, context, errors, outside };
}

/** All of it is there: no bones, and the fonts and frames have settled. */
export async function settled(page: Page) {
  await page.locator("main h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector("main .bones") === null);
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
}

export async function accessible(page: Page, what: string) {
  // By evaluation, not as a script element: the page's policy forbids those.
  await page.evaluate(readFileSync(axePath, "utf8"));
  const found = (await page.evaluate(
    // @ts-expect-error axe comes with the line above
    () =>
      axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      }),
  )) as { violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] };
  const said = found.violations.map(
    (v) =>
      `${v.id}: ${v.nodes
        .slice(0, 3)
        .map((n) => `${n.html.slice(0, 160)} ${n.failureSummary ?? ""}`)
        .join(" | ")}`,
  );
  expect(said, what).toEqual([]);
}

/** Nothing is wider than the window, at any of the widths that people have. */
export async function fits(page: Page, what: string) {
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(wide, `${what}: wider than its window`).toBeLessThanOrEqual(0);
}

/** A key that opens a dialog; once more when the page was not listening yet. */
export async function keyOpens(page: Page, key: string) {
  const dialog = page.locator("dialog[open]");
  await page.keyboard.press(key);
  try {
    await dialog.waitFor({ timeout: 5000 });
  } catch {
    await page.keyboard.press(key);
    await dialog.waitFor();
  }
}
