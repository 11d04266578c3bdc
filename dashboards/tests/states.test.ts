// What goes wrong: nobody there, not allowed, wrong links, hostile words.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accessible, fits, launch, open, settled } from "./browser";
import { seeded } from "./seeds";
import { StandIn } from "./standin";

let standin: StandIn;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
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

describe("live", () => {
  it("shows within a second what happens", async () => {
    const { page, context } = await open(browser, standin.url, "/runs");
    await settled(page);
    await page.getByText("● live").waitFor();
    standin.reports.get("412").verdict.headline = "Everything is different now";
    standin.change("run", { runId: "412" });
    await page.getByText("Everything is different now").waitFor();
    await context.close();
  });
  it("comes back by itself after kilnd was restarted, and asks for what it missed", async () => {
    const { page, context, errors } = await open(browser, standin.url, "/runs");
    await settled(page);
    await page.getByText("● live").waitFor();
    await standin.stop();
    await page.getByText("offline, as of").waitFor();
    // What was there is still there.
    expect(await page.locator("table tbody tr").count()).toBeGreaterThan(3);
    standin.reports.get("412").verdict.headline = "It went on meanwhile";
    await standin.start();
    await page.getByText("It went on meanwhile").waitFor({ timeout: 20_000 });
    await page.getByText("● live").waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });
  it("has one stream a window, and two windows see the same", async () => {
    const one = await open(browser, standin.url, "/runs");
    const two = await open(browser, standin.url, "/machines");
    await settled(one.page);
    await settled(two.page);
    await one.page.getByText("● live").waitFor();
    await two.page.getByText("● live").waitFor();
    expect(standin.watching).toBe(2);
    await one.page.goto(`${standin.url}/review`);
    await settled(one.page);
    await expect.poll(() => standin.watching).toBe(2);
    standin.machines[2].state = "broken";
    standin.change("machine", { name: "bdw-1" });
    await two.page.getByText("broken").waitFor();
    await one.context.close();
    await two.context.close();
  });
  it("asks now and then where the controller has no stream", async () => {
    standin.missing.add("Watch");
    const { page, context } = await open(browser, standin.url, "/runs");
    await settled(page);
    await page.getByText("every 10 s").waitFor();
    await context.close();
  });
});

describe("errors", () => {
  it("are said on the panel, with the way on", async () => {
    standin.failing.set("ListMachines", "unavailable");
    const { page, context } = await open(browser, standin.url, "/machines");
    await page.getByText("Kiln does not answer").waitFor();
    expect(await page.getByText("rack-1").count()).toBeGreaterThan(0);
    await accessible(page, "machines with an error");
    standin.failing.clear();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("bdw-1").first().waitFor();
    await context.close();
  });
  it("leave what was there, with its age", async () => {
    const { page, context } = await open(browser, standin.url, "/runs");
    await settled(page);
    await page.getByText("● live").waitFor();
    standin.failing.set("ListRuns", "internal");
    standin.change("run", { runId: "1" });
    await page.getByText("this is as of").waitFor();
    expect(await page.locator("table tbody tr").count()).toBeGreaterThan(3);
    await context.close();
  });
  it("of a decision put the row back and say why", async () => {
    standin.failing.set("DecideFindings", "unavailable");
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("d");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("1");
    await page.getByText("Not done:").waitFor();
    await page.getByText("30 to decide").waitFor();
    await context.close();
  });
  it.each([
    ["/run/999999", "There is no such thing"],
    ["/run/abc", "is no run's number"],
    ["/finding/2/f77", "has no finding f77"],
    ["/finding/2/x9", "is no finding of a run"],
    ["/nowhere/at/all", "no page has this address"],
    ["/run/2/session/0/console", "is no session's number"],
    [`/runs?q=${encodeURIComponent("x".repeat(3000))}`, "Nothing matches"],
    ["/runs?q=nofield%3Ax", "no field `nofield`"],
    ["/test/igt%40never%40seen", "No run knows this test"],
    ["/perf?metric=none", "No run measured none"],
  ])("of a link are calm: %s", async (path, says) => {
    const { page, context, errors } = await open(browser, standin.url, path);
    await expect.poll(() => page.locator("body").innerText()).toContain(says);
    expect(await page.locator("main a, main button, main input").count()).toBeGreaterThan(0);
    await fits(page, path);
    expect(errors).toEqual([]);
    await context.close();
  });
});

describe("who may what", () => {
  it("asks for a token and goes on where it was", async () => {
    standin.signedIn = false;
    const { page, context } = await open(browser, standin.url, "/run/2");
    await page.getByLabel("Token").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("not good here").waitFor();
    await accessible(page, "signing in");
    await page.getByLabel("Token").fill("kiln_good");
    await page.keyboard.press("Enter");
    await page.getByText("Do not apply yet: 2 regressions").waitFor();
    await context.close();
  });
  it("asks again when the token is revoked meanwhile; what is shown stays", async () => {
    const { page, context } = await open(browser, standin.url, "/runs");
    await settled(page);
    await page.getByText("● live").waitFor();
    standin.signedIn = false;
    standin.change("run", { runId: "1" });
    await page.getByText("Your session has ended").waitFor();
    expect(await page.locator("table tbody tr").count()).toBeGreaterThan(3);
    await context.close();
  });
  it("a viewer sees all and does nothing, and is told why", async () => {
    standin.role = "viewer";
    const { page, context } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("d");
    await page.getByText("needs the role keeper; you have viewer").first().waitFor();
    expect(await page.locator("dialog[open]").count()).toBe(0);
    expect(standin.calls("DecideFindings")).toHaveLength(0);
    expect(await page.getByRole("link", { name: "Admin" }).count()).toBe(0);
    await page.goto(`${standin.url}/admin`);
    await page.getByText("You may not see this").waitFor();
    await context.close();
  });
  it("guests look without a token, where that is allowed", async () => {
    standin.signedIn = false;
    standin.guests = true;
    const { page, context } = await open(browser, standin.url, "/runs");
    await settled(page);
    expect(await page.locator("dialog[open]").count()).toBe(0);
    expect(await page.locator("table tbody tr").count()).toBeGreaterThan(3);
    await page.getByRole("button", { name: "sign in" }).waitFor();
    await context.close();
  });
});

describe("hostile words", () => {
  const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'\`\u202e\u0000</pre>`;
  it("are only words, wherever they stand", async () => {
    const report = standin.reports.get("2");
    report.run.title = evil;
    report.verdict.headline = evil;
    report.findings[0].test = `igt@${evil}`;
    report.findings[0].summary = evil;
    report.findings[0].explain = evil;
    report.findings[0].kernel[0].text = Buffer.from(`${evil}\u001b[31m\nBUG: ${evil}`).toString(
      "base64",
    );
    report.sessions[0].error = evil;
    report.claims = [{ text: evil, answer: "confirmed", figure: evil, why: evil }];
    standin.machines[0].name = evil;
    standin.machines[0].why = evil;
    standin.known[0].filter.reason = evil;
    standin.log[1203] = evil;
    for (const row of standin.rows) row.title = evil;
    for (const path of [
      "/run/2",
      "/finding/2/f1",
      "/runs",
      "/review",
      "/machines",
      "/known",
      "/run/2/session/34/console#L1204",
      `/test/${encodeURIComponent(evil)}`,
      `/runs?q=${encodeURIComponent(evil)}`,
    ]) {
      const { page, context, errors, outside } = await open(browser, standin.url, path);
      await settled(page);
      expect(
        await page.evaluate(() => document.querySelectorAll("main img, main script").length),
        path,
      ).toBe(0);
      await fits(page, path);
      expect(errors, path).toEqual([]);
      expect(outside, path).toEqual([]);
      await context.close();
    }
  });
  it("never become a link that runs", async () => {
    const { page, context } = await open(browser, standin.url, "/known");
    await settled(page);
    expect(await page.locator('a[href^="javascript:"]').count()).toBe(0);
    expect(await page.getByRole("link", { name: "https://bugs.example.org/7" }).count()).toBe(1);
    await context.close();
  });
});

describe("an older or empty controller", () => {
  it("without a list of findings gets them out of reports; what cannot be kept says so", async () => {
    for (const method of ["ListFindings", "DecideFindings", "ReadLog", "SearchLog"])
      standin.missing.add(method);
    const { page, context, errors } = await open(browser, standin.url, "/review");
    await settled(page);
    await page.getByText("to decide").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("d");
    await page.getByText("keeps no decisions yet").first().waitFor();
    await page.goto(`${standin.url}/run/2/session/34/console#L1204`);
    await page.getByText("unable to handle page fault").waitFor();
    await page.goto(`${standin.url}/tests`);
    await settled(page);
    await page.getByText("the newest").first().waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });
  it("with nothing in it says what comes next, on every page", async () => {
    const empty = new StandIn();
    await empty.start();
    const says: Record<string, string> = {
      "/review": "Nothing to decide",
      "/runs": "No run yet",
      "/machines": "No machine is known here",
      "/queue": "Nothing runs",
      "/known": "Nothing is known",
      "/tests": "No results yet",
      "/perf": "Nothing was measured yet",
      "/builds": "No kernel was built yet",
    };
    for (const [path, words] of Object.entries(says)) {
      const { page, context, errors } = await open(browser, empty.url, path);
      await page.getByText(words).first().waitFor();
      await settled(page);
      await accessible(page, `${path}, empty`);
      expect(errors, path).toEqual([]);
      await context.close();
    }
    await empty.stop();
  });
});

describe("logs", () => {
  it("open at the line, page both ways, and are searched by the server", async () => {
    const { page, context, errors } = await open(
      browser,
      standin.url,
      "/run/2/session/34/console#L1204",
    );
    await settled(page);
    await page.locator("#L1204.on").waitFor();
    expect(standin.calls("ReadLog").every((c) => (c.lines ?? 0) <= 2000)).toBe(true);
    expect(await page.locator("#L15000").count()).toBe(0);
    await page.keyboard.press("/");
    await page.keyboard.type("always-on 15001");
    await page.keyboard.press("Enter");
    await page.getByText("1 hit").waitFor();
    await page.keyboard.press("n");
    await page.locator("#L15001.on").waitFor();
    expect(page.url()).toContain("#L15001");
    expect(await page.locator("#L15001 mark").innerText()).toBe("always-on 15001");
    expect(errors).toEqual([]);
    await context.close();
  });
  it("hold a few thousand lines at most, however far one scrolls", async () => {
    const { page, context } = await open(browser, standin.url, "/run/2/session/34/console#L13");
    await settled(page);
    const log = page.locator(".log");
    for (let i = 0; i < 25; i += 1) {
      await log.evaluate((el) => el.scrollTo(0, el.scrollHeight));
      await page.waitForTimeout(60);
    }
    expect(await page.locator(".log li").count()).toBeLessThanOrEqual(4000);
    await context.close();
  });
});

describe("doing things", () => {
  it("holds a machine and gives it back", async () => {
    const { page, context } = await open(browser, standin.url, "/machines");
    await settled(page);
    await page.getByRole("row", { name: /bdw-1/ }).getByRole("button", { name: "Hold" }).click();
    await page.getByLabel("What for").fill("a look at the fans");
    await page.getByRole("button", { name: "Hold it" }).click();
    await page.getByText("a look at the fans").waitFor();
    expect(standin.calls("HoldMachine")[0]).toMatchObject({ machine: "bdw-1", seconds: 3600 });
    await page.getByRole("row", { name: /bdw-1/ }).getByRole("button", { name: "Release" }).click();
    await page.getByText("is given back").waitFor();
    await context.close();
  });
  it("saves a known issue only with its preview, and removes one with a way back", async () => {
    const { page, context } = await open(browser, standin.url, "/known");
    await settled(page);
    await page.getByRole("button", { name: "New" }).click();
    await page.locator("dialog").getByLabel("Test").fill("igt@kms_*");
    await page.getByLabel("Why it is no news").fill("known for years");
    await page.getByText("Look twice").waitFor();
    await accessible(page, "a known issue's form");
    await page.getByRole("button", { name: /^Save/ }).click();
    await page.getByText("known for years").waitFor();
    await page.getByRole("button", { name: "Remove" }).first().click();
    await page.getByText("is out of force").waitFor();
    await context.close();
  });
  it("pauses a schedule and resumes it", async () => {
    const { page, context } = await open(browser, standin.url, "/queue");
    await settled(page);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("drm-tip is paused").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("starts by itself again").waitFor();
    await context.close();
  });
  it("copies a link and the command of a view", async () => {
    const { page, context } = await open(browser, standin.url, "/run/2");
    await settled(page);
    await page.keyboard.press("Shift+Y");
    await page.getByText("Command copied").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("kiln report 2");
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.waitForURL(/\/machines$/);
    await page.keyboard.press("?");
    await page.getByText("Keys and marks").waitFor();
    await accessible(page, "help");
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    await context.close();
  });
});
