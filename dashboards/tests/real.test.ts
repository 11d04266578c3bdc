// Against a real controller with the data of real runs: `kiln serve` on the folder that
// KILN_DASHBOARD_DATA names, by the program of KILN_TEST_KILN; or one that runs already, at
// KILN_DASHBOARD_AT with the token KILN_DASHBOARD_TOKEN. Every page answers, decisions are kept.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessible, fits, keyOpens, launch, open, settled } from "./browser";

const program = process.env.KILN_TEST_KILN ?? "";
const data = process.env.KILN_DASHBOARD_DATA ?? "";
const at = process.env.KILN_DASHBOARD_AT ?? "";
const token = process.env.KILN_DASHBOARD_TOKEN ?? "";
const home = process.env.KILN_HOME ?? join(import.meta.dirname, "..", "..");
const shots = process.env.KILN_SCREENSHOTS ?? "";

let server: ChildProcess | undefined;
let key = "";
let url = "";
let browser: Browser;
let page: Page;
let context: BrowserContext;
let errors: string[] = [];
let machine = "";
let run = ""; // the newest with findings, else the newest

async function serve(port: string): Promise<string> {
  server = spawn(program, ["--data-dir", data, "--home", home, "serve", "--port", port], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: server.stdout! });
  const timer = setTimeout(() => server?.kill("SIGKILL"), 60_000);
  for await (const line of lines) {
    clearTimeout(timer);
    return line;
  }
  throw new Error("kiln serve ended without an address");
}

async function stop() {
  const ended = new Promise((done) => server?.once("exit", done));
  server?.kill("SIGINT");
  await ended;
  server = undefined;
}

async function ask(method: string, body: object): Promise<Record<string, unknown>> {
  return page.evaluate(
    async ([m, b]) => {
      const reply = await fetch(`/kiln.v1.${m}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Connect-Protocol-Version": "1" },
        body: b,
      });
      return reply.json();
    },
    [method, JSON.stringify(body)] as const,
  );
}

describe.runIf(at !== "" || (program !== "" && data !== ""))("a real controller", () => {
  beforeAll(async () => {
    key = at || (await serve("0"));
    url = new URL(key).origin;
    browser = await launch();
    ({ page, context, errors } = await open(browser, url, key.slice(url.length) || "/runs"));
    if (at) {
      await page.getByLabel("Token").fill(token);
      await page.keyboard.press("Enter");
      await page.locator("dialog[open]").waitFor({ state: "detached" });
    }
    await settled(page);
    const listed = (await ask("Findings/ListFindings", { state: "all" })) as {
      findings?: { runId: string }[];
    };
    const runs = (await ask("Lab/ListRuns", { limit: 200 })) as {
      runs?: { run: { id: string; jobName: string } }[];
    };
    const large = runs.runs?.find((r) => r.run.jobName === "kmap-local-page")?.run.id;
    const bad = listed.findings?.find((f) => f.finding.class === "regression")?.runId;
    run = bad ?? large ?? listed.findings?.[0]?.runId ?? runs.runs?.[0]?.run.id ?? "";
    if (shots) mkdirSync(shots, { recursive: true });
    const { machines } = (await ask("Machines/ListMachines", {})) as {
      machines?: { name: string }[];
    };
    machine = machines?.[0]?.name ?? "";
  });
  afterAll(async () => {
    await context?.close();
    await browser?.close();
    if (server) await stop();
  });

  it.each([
    ["review", "/review"],
    ["runs", "/runs"],
    ["run", "/run/RUN"],
    ["finding", "/finding/RUN/f1"],
    ["machines", "/machines"],
    ["machine", "/machine/MACHINE"],
    ["queue", "/queue"],
    ["known", "/known"],
    ["tests", "/tests?steady=1"],
    ["performance", "/perf"],
    ["builds", "/builds?run=RUN"],
    ["admin", "/admin"],
  ])("shows %s", async (name, path) => {
    if (name === "machine" && !machine) return; // `kiln serve` over a folder without a lab
    await page.goto(url + path.replace("RUN", run).replace("MACHINE", machine));
    await settled(page);
    await page.getByText("● live").waitFor();
    expect(await page.locator("main .fault").count(), await page.locator("main").innerText()).toBe(
      0,
    );
    await fits(page, name);
    await accessible(page, name);
    if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
    expect(errors).toEqual([]);
  });

  it("lists the runs that the command line lists", async () => {
    await page.goto(`${url}/runs`);
    await settled(page);
    const listed = (await ask("Lab/ListRuns", { limit: 50 })) as {
      runs: { run: { id: string } }[];
    };
    const shown = await page.locator("a.row-link").allInnerTexts();
    expect(shown).toEqual(listed.runs.map((r) => r.run.id));
  });

  it("opens a console at its end, by lines, and searches it", async () => {
    const report = (await ask("Lab/GetReport", { runId: run })) as {
      sessions?: { id: string; artifacts?: Record<string, string> }[];
    };
    const session = report.sessions?.find((s) => s.artifacts?.console);
    if (!session) return;
    await page.goto(`${url}/run/${run}/session/${session.id}/console#L20`);
    await settled(page);
    await page.locator("#L20.on").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("Linux version");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator(".hits").innerText()).toMatch(/hit/);
    if (shots) await page.screenshot({ path: join(shots, "log.png") });
    expect(errors).toEqual([]);
  });

  it("keeps a decision over a restart, and takes it back", async () => {
    const listed = (await ask("Findings/ListFindings", { state: "open" })) as {
      findings?: { runId: string; finding: { id: string } }[];
    };
    const row = listed.findings?.[0];
    if (!row) return;
    await page.goto(`${url}/finding/${row.runId}/${row.finding.id}`);
    await settled(page);
    await keyOpens(page, "d");
    await page.keyboard.press("3");
    await page.getByText("Dismissed:").waitFor();
    if (!at) {
      const port = new URL(url).port;
      await stop();
      await page.getByText("offline, as of").waitFor();
      key = await serve(port);
      await page.getByText("● live").waitFor({ timeout: 25_000 });
    }
    const after = (await ask("Findings/ListFindings", { state: "decided" })) as {
      findings?: { runId: string; finding: { id: string } }[];
    };
    expect(
      after.findings?.some((f) => f.runId === row.runId && f.finding.id === row.finding.id),
    ).toBe(true);
    await page.keyboard.press("u");
    await page.getByText("Undone.").waitFor();
    const back = (await ask("Findings/ListFindings", { state: "open" })) as {
      findings?: { runId: string; finding: { id: string } }[];
    };
    expect(
      back.findings?.some((f) => f.runId === row.runId && f.finding.id === row.finding.id),
    ).toBe(true);
  });

  it("thirty findings are decided by keys alone, at most three each, and all come back", async () => {
    const open = async () =>
      ((await ask("Findings/ListFindings", { state: "open" })) as { total?: number }).total ?? 0;
    if (at || (await open()) !== 30) return; // only over the nights that bench/years makes
    await page.goto(`${url}/review`);
    await settled(page);
    await page.keyboard.press("j");
    const left = async () =>
      Number(/(\d+) to decide/.exec(await page.locator("h1").innerText())?.[1] ?? "0");
    expect(await left()).toBe(30);
    for (let i = 0; i < 30; i += 1) {
      // Two keys each: d or s, and one of the reasons or spans that are offered.
      await page.keyboard.press(i % 2 ? "s" : "d");
      await page.locator("dialog[open]").waitFor();
      await page.keyboard.press(String((i % 4) + 1));
      await page.locator("dialog[open]").waitFor({ state: "detached" });
      if (i < 29) await expect.poll(left).toBe(29 - i);
    }
    await page.getByText("Nothing to decide").waitFor();
    await expect.poll(open).toBe(0);
    for (let i = 0; i < 30; i += 1) {
      await page.keyboard.press("u");
      await expect.poll(open).toBe(i + 1);
    }
    await expect.poll(left).toBe(30);
    expect(errors).toEqual([]);
  }, 240_000);
});
