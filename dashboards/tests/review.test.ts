// A morning's review with keys alone: thirty findings, at most three keys each, and back again.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accessible, launch, open, settled } from "./browser";
import { seeded, withRun } from "./seeds";
import { recorded, type StandIn } from "./standin";

let standin: StandIn;
let browser: Browser;
const shots = process.env.KILN_SCREENSHOTS ?? "";

beforeAll(async () => {
  browser = await launch();
  if (shots) mkdirSync(shots, { recursive: true });
});
beforeEach(async () => {
  await standin?.stop();
  standin = await seeded();
  await standin.start();
});
afterAll(async () => {
  await browser?.close();
  await standin?.stop();
});

const left = async (page: Page) =>
  Number(/(\d+) to decide/.exec(await page.locator("h1").innerText())?.[1] ?? "-1");

describe("review by keys", () => {
  it("decides thirty findings with at most three keys each, to an empty page", async () => {
    const { page, context, errors } = await open(browser, standin.url, "/review");
    await settled(page);
    expect(await left(page)).toBe(30);
    // The tab says it without being opened.
    expect(await page.title()).toMatch(/^▼30 /);
    const icon = async () =>
      new URL(await page.locator("link[rel=icon]").evaluate((l) => (l as HTMLLinkElement).href))
        .pathname;
    expect(await icon()).toBe("/icon-worse.svg");
    let keys = 0;
    await page.keyboard.press("j");
    for (let i = 0; i < 30; i += 1) {
      const before = keys;
      if (i % 3 === 0) {
        await page.keyboard.press("a");
        keys += 1;
        await page.getByText("Look twice").waitFor();
        await page.keyboard.press("Control+Enter");
        keys += 1;
      } else {
        await page.keyboard.press(i % 3 === 1 ? "d" : "s");
        keys += 1;
        await page.locator("dialog[open]").waitFor();
        await page.keyboard.press(String((i % 4) + 1));
        keys += 1;
      }
      await page.locator("dialog[open]").waitFor({ state: "detached" });
      await expect
        .poll(() => (i === 29 ? Promise.resolve(0) : left(page)))
        .toBe(i === 29 ? 0 : 29 - i);
      expect(keys - before).toBeLessThanOrEqual(3);
    }
    await page.getByText("Nothing to decide").waitFor();
    await expect.poll(icon).toBe("/icon.svg");
    expect(standin.rows.every((r) => r.state !== "open")).toBe(true);
    await accessible(page, "review, empty");
    expect(errors).toEqual([]);
    await context.close();
  });

  it("undoes with u, decision after decision", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("d");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("1");
    await expect.poll(() => left(page)).toBe(29);
    await page.keyboard.press("a");
    await page.getByText("Look twice").waitFor();
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => left(page)).toBe(28);
    await page.keyboard.press("u");
    await expect.poll(() => left(page)).toBe(29);
    await page.keyboard.press("u");
    await expect.poll(() => left(page)).toBe(30);
    expect(standin.rows.every((r) => r.state === "open")).toBe(true);
    expect(standin.known.map((k) => k.filter.id)).toEqual(["7", "8"]);
    await context.close();
  });

  it("undoes a decision whose answer is still on its way", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.route("**/DecideFindings", async (route) => {
      await new Promise((done) => setTimeout(done, 800));
      await route.continue();
    });
    await page.keyboard.press("j");
    await page.keyboard.press("d");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("1");
    await page.keyboard.press("u");
    await page.getByText("Undone.").waitFor();
    await expect.poll(() => left(page)).toBe(30);
    expect(standin.rows.every((r) => r.state === "open")).toBe(true);
    await context.close();
  });

  it("takes a whole group in one request", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Shift+X");
    await page.getByText("10 chosen").waitFor();
    await page.keyboard.press("d");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("2");
    await expect.poll(() => left(page)).toBe(20);
    expect(standin.calls("DecideFindings").filter((c) => c.action === "dismiss")).toHaveLength(1);
    await page.keyboard.press("u");
    await expect.poll(() => left(page)).toBe(30);
    await context.close();
  });

  it("filters in the address, and says which word hides all", async () => {
    const { page, context } = await open(browser, standin.url, "/review?q=class:flaky");
    await settled(page);
    await page.getByText("6 of 30 to decide").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("class:flaky machine:nowhere");
    await page.getByText("Nothing matches").waitFor();
    expect(await page.locator(".empty").innerText()).toContain("machine:nowhere");
    expect(new URL(page.url()).searchParams.get("q")).toBe("class:flaky machine:nowhere");
    await page.reload();
    await page.getByText("Nothing matches").waitFor();
    await context.close();
  });

  it("does nothing while somebody types", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("/");
    await page.keyboard.type("adsrjkx");
    expect(await page.locator("dialog[open]").count()).toBe(0);
    expect(await page.locator("input[type=search]").inputValue()).toBe("adsrjkx");
    await context.close();
  });

  it("never moves rows under the focus: what arrives waits for a key", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.getByText("● live").waitFor();
    const first = await page.locator("tr.at code").first().innerText();
    const row = structuredClone(standin.rows[0]);
    row.runId = "413";
    row.finding.test = "igt@gem_new@one";
    standin.reports.set("413", withRun(recorded("run-regression"), 413));
    standin.rows.push(row);
    standin.change("finding", { runId: "413" });
    await page.getByRole("button", { name: /^1 new/ }).waitFor();
    expect(await page.locator("tr.at code").first().innerText()).toBe(first);
    expect(await page.getByText("gem_new@one").count()).toBe(0);
    await page.keyboard.press(".");
    await page.getByRole("link", { name: "gem_new@one" }).waitFor();
    await context.close();
  });

  it("keeps a draft over a reload and an ended session", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await page.getByLabel("Why it is no news").fill("half a thought");
    standin.signedIn = false;
    await page.reload();
    await page.getByLabel("Token").fill("kiln_good");
    await page.keyboard.press("Enter");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    expect(await page.getByLabel("Why it is no news").inputValue()).toBe("half a thought");
    await context.close();
  });

  it("opens a finding, decides there, and goes on to the next", async () => {
    const { page, context, errors } = await open(browser, standin.url, "/review");
    await settled(page);
    // The second one: the first was seen before.
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/finding\//);
    await settled(page);
    const here = page.url();
    await page.getByText("of 30 to decide").waitFor();
    await expect
      .poll(() => standin.calls("DecideFindings").some((c) => c.action === "seen"))
      .toBe(true);
    await page.keyboard.press("d");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("3");
    await expect.poll(() => page.url()).not.toBe(here);
    expect(page.url()).toContain("/finding/");
    expect(errors).toEqual([]);
    await context.close();
  });

  it("says what repeats a finding before anything boots", async () => {
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("r");
    await page.getByText("about 4 minutes").waitFor();
    expect(standin.calls("StartRepro")).toHaveLength(0);
    await page.keyboard.press("Enter");
    await page.getByText("Run 500 repeats").waitFor();
    await context.close();
  });

  it.each([false, true])("says class and cause of each row in grey, dark: %s", async (dark) => {
    const { page, context } = await open(browser, standin.url, "/review", { dark, height: 1500 });
    await settled(page);
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setEmulatedVisionDeficiency", { type: "achromatopsia" });
    if (shots)
      await page.screenshot({ path: join(shots, `review-grey${dark ? "-dark" : ""}.png`) });
    // Contrast counts luminance alone, which is what grey leaves.
    const rows = await page.locator("table.inbox tbody tr").evaluateAll((all) => {
      const numbers = (text: string) => (text.match(/[\d.]+/g) ?? []).map(Number);
      const luminance = (rgb: number[]) =>
        [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
          const c = rgb[i]! / 255;
          return sum + weight * (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        }, 0);
      const behind = (from: Element | null): number[] => {
        for (let el = from; el; el = el.parentElement) {
          const rgb = numbers(getComputedStyle(el).backgroundColor);
          if (rgb.length === 3 || (rgb.length === 4 && rgb[3] === 1)) return rgb;
        }
        return [255, 255, 255];
      };
      const contrast = (el: Element) => {
        const [a, b] = [numbers(getComputedStyle(el).color), behind(el)].map(luminance);
        return (Math.max(a!, b!) + 0.05) / (Math.min(a!, b!) + 0.05);
      };
      const seen = (el: Element | null) => {
        const box = el?.getBoundingClientRect();
        return el && box && box.width > 4 && box.height > 4
          ? { text: el.textContent?.trim() ?? "", contrast: contrast(el) }
          : { text: "", contrast: 0 };
      };
      return all.map((row) => ({
        glyph: seen(row.querySelector(".chip")),
        word: seen(row.querySelector(".mark-word")),
        name: seen(row.querySelector("th a code")),
        counts: seen(row.querySelector("td[data-name='bad boots']")),
        cause: seen(row.querySelector(".cause") ?? row.querySelector("td[data-name=since]")),
      }));
    });
    expect(rows).toHaveLength(30);
    const glyphs = new Map<string, string>();
    for (const row of rows) {
      expect(row.word.text.length).toBeGreaterThan(3);
      expect(row.cause.text.length).toBeGreaterThan(3);
      expect(row.name.text).toMatch(/gem_seeded/);
      for (const part of [row.word, row.name, row.counts, row.cause])
        expect(part.contrast, part.text).toBeGreaterThanOrEqual(4.5);
      expect(row.glyph.contrast, row.word.text).toBeGreaterThanOrEqual(3);
      // One glyph, one word.
      expect(glyphs.get(row.glyph.text) ?? row.word.text).toBe(row.word.text);
      glyphs.set(row.glyph.text, row.word.text);
    }
    expect(glyphs.size).toBe(4);
    await context.close();
  });
});
