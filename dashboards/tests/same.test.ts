// "The same in the CLI" is what it says: each page's commands are run against the controller that the page
// shows, and their rows compared with the page's. tests/dashboard/run.py starts the controller and names it:
// KILN_DASHBOARD_AT, KILN_DASHBOARD_TOKEN (an admin's), KILN_TEST_KILN, KILN_LAB, KILN_DATA_DIR.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, open, settled } from "./browser";

const program = process.env.KILN_TEST_KILN ?? "";
const at = process.env.KILN_DASHBOARD_AT ?? "";
const token = process.env.KILN_DASHBOARD_TOKEN ?? "";

// biome-ignore lint/suspicious/noExplicitAny: JSON of many messages
type Json = any;

let browser: Browser;
let context: BrowserContext;
let page: Page;
let run = "";
let finding = "";
let test = "";
let session = "";
let metric = "";

/** A command as the page shows it, by a shell as a person would run it; `kiln` is the program under test. */
async function shell(text: string): Promise<string> {
  expect(text).toMatch(/^kiln /);
  const done = await promisify(execFile)(
    "bash",
    ["-c", `kiln() { "$KILN_TEST_KILN" "$@"; }; ${text}`],
    { maxBuffer: 64 << 20, timeout: 120_000 },
  );
  return done.stdout;
}

const json = async (text: string): Promise<Json> =>
  JSON.parse(await shell(`${text} --format json`));

async function go(path: string) {
  await page.goto(at + path);
  await settled(page);
  await page.locator(".cli-same code").first().waitFor();
}

const commands = () => page.locator(".cli-same code").allInnerTexts();
const first = async () => (await commands())[0]!;
const texts = async (selector: string) =>
  (await page.locator(selector).allInnerTexts()).map((t) => t.trim());

describe.runIf(at !== "" && program !== "")("the same in the CLI", () => {
  beforeAll(async () => {
    browser = await launch();
    ({ page, context } = await open(browser, at, "/runs", { height: 2000 }));
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    await settled(page);
    const waits = await json("kiln findings list");
    const one = waits.findings.find((f: Json) => f.finding.class === "regression");
    run = one.run_id;
    finding = one.finding.id;
    test = one.finding.test;
    session = (await json(`kiln report ${run}`)).sessions[0].id;
    metric = (await json("kiln history metrics")).metrics[0];
  });
  afterAll(async () => {
    await context?.close();
    await browser?.close();
  });

  it.each([
    "",
    "class:regression",
    "config:*-highmem -class:flaky",
    'config:"HIGHMEM off" machine:bdw-*',
    "test:gem_*",
    "job:kmap-local-page kms",
    "patch:2/3*",
  ])("review, filtered by `%s`", async (q) => {
    await go(`/review${q ? `?q=${encodeURIComponent(q)}` : ""}`);
    const ids = await page
      .locator("tr[id^='row-']")
      .evaluateAll((rows) => rows.map((row) => row.id.slice("row-".length)));
    const rows = (await json(await first())).findings;
    const names = rows.map((f: Json) => `${f.run_id}/${f.finding.id}`);
    expect(new Set(ids)).toEqual(new Set(names));
    if (q === "" || q.startsWith("class")) expect(ids.length).toBeGreaterThan(0);
    if (q === "") expect(ids).toHaveLength(30);
  });

  it.each(["", "?q=result:regression job:kmap*", "?n=20"])("runs%s", async (q) => {
    await go(`/runs${q}`);
    const rows = (await json(await first())).runs;
    expect(await texts("a.row-link")).toEqual(rows.map((r: Json) => r.run.id));
  });

  it("run", async () => {
    await go(`/run/${run}`);
    const report = await json(await first());
    const words = await page.locator("main").innerText();
    expect(words).toContain(report.verdict.headline);
    // Known ones are folded away.
    for (const f of report.findings.filter((each: Json) => each.class !== "known"))
      expect(words).toContain(f.test.replace(/^igt@/, ""));
    for (const b of report.builds) expect(words).toContain(b.cell.split("/")[1]);
    expect(words).toContain(`${report.verdict.results_got} of ${report.verdict.results_planned}`);
    expect(await shell((await commands())[1]!)).toContain(report.verdict.headline);
  });

  it("finding", async () => {
    await go(`/finding/${run}/${finding}`);
    const [repro, , whole] = await commands();
    expect(await shell(repro!)).toContain(`${run}/${finding}`);
    const report = await json(whole!);
    const f = report.findings.find((each: Json) => each.id === finding);
    const words = await page.locator("main").innerText();
    expect(words).toContain(f.summary);
    expect(words).toContain(f.patch);
  });

  it.each(["", "?q=test:gem_*", "?q=job:kmap-local-page", "?steady=1"])("tests%s", async (q) => {
    await go(`/tests${q}`);
    const reply = await json(await first());
    const bad = reply.tests.filter((t: Json) => t.bad_boots > 0);
    const more = page.getByRole("button", { name: /\d+ more/ });
    while ((await more.count()) > 0) await more.click();
    const names = await texts("table.cards th[scope=row]");
    expect(new Set(names)).toEqual(new Set(bad.map((t: Json) => t.test.replace(/^igt@/, ""))));
    expect(await page.locator("main").innerText()).toContain(`${reply.tests.length} test`);
  });

  it("test", async () => {
    await go(`/test/${encodeURIComponent(test)}`);
    const reply = await json(await first());
    expect(reply.tests.map((t: Json) => t.test)).toEqual([test]);
    const ran = reply.runs.filter((_: Json, i: number) =>
      [reply.tests[0].on[i], reply.tests[0].off[i]].some((letter) => letter !== " "),
    );
    expect(await texts("table.cards th[scope=row]")).toEqual(ran.map((r: Json) => r.id).reverse());
  });

  it("performance", async () => {
    await go("/perf");
    const names = (await json(await first())).metrics;
    const offered = await texts("select option");
    for (const name of names) expect(offered).toContain(name);
    await go(`/perf?metric=${encodeURIComponent(metric)}`);
    const reply = await json(await first());
    await page.getByRole("button", { name: "As a table" }).click();
    const runs = await page.locator("figure table th[scope=row]").allTextContents();
    expect(new Set(runs)).toEqual(new Set(reply.points.map((p: Json) => p.run_id)));
  });

  it.each(["", "?q=name:kbl-*"])("machines%s", async (q) => {
    await go(`/machines${q}`);
    const [list, agents] = await commands();
    const machines = (await json(list!)).machines ?? [];
    const names = await texts("section[aria-label=Machines] th[scope=row]");
    expect(new Set(names.map((n) => n.split(/\s/)[0]))).toEqual(
      new Set(machines.map((m: Json) => m.name)),
    );
    const words = await page.locator("main").innerText();
    for (const agent of (await json(agents!)).agents ?? []) expect(words).toContain(agent.name);
  });

  it("machine", async () => {
    const name = (await json("kiln machines")).machines[0].name;
    await go(`/machine/${name}`);
    const said = await json(await first());
    expect(said.sessions.length).toBeGreaterThan(10);
    const shown = await texts("table:last-of-type tbody th[scope=row].num");
    expect(shown).toEqual(said.sessions.map((s: Json) => String(s.id)));
  });

  it("queue", async () => {
    await go("/queue");
    const [queue, schedules] = await commands();
    const waiting = await json(queue!);
    const words = await page.locator("main").innerText();
    for (const item of [...(waiting.running ?? []), ...(waiting.waiting ?? [])])
      expect(words).toContain(item.what);
    const names = (await json(schedules!)).schedules.map((s: Json) => s.name);
    expect(names).toHaveLength(3);
    for (const name of names) expect(words).toContain(name);
  });

  it.each(["", "?q=state:unused", '?q=state:"in force"'])("known issues%s", async (q) => {
    await go(`/known${q}`);
    const filters = (await json(await first())).filters;
    expect(filters.length).toBeGreaterThan(0);
    const words = await page.locator("main").innerText();
    for (const use of filters) expect(words).toContain(use.filter.test);
    expect(await page.locator("main .finding").count()).toBe(filters.length);
  });

  it("builds", async () => {
    await go(`/builds?run=${run}&left=baseline/i386-highmem&right=patched/i386-nohighmem`);
    const reply = await json(await first());
    const rows = await texts("details th[scope=row]");
    expect(new Set(rows)).toEqual(new Set(reply.differences.map((d: Json) => d.symbol)));
    expect(rows.length).toBeGreaterThan(0);
  });

  it("log", async () => {
    await go(`/run/${run}/session/${session}/console#L1204`);
    const lines = (await shell(await first())).split("\n");
    const shown = await page.locator("#L1204").innerText();
    expect(lines[1203]).toContain("unable to handle page fault");
    expect(shown).toContain(lines[1203]!.trim());
  });

  it("admin", async () => {
    await go("/admin");
    const [tokens, audit] = await commands();
    const words = await page.locator("main").innerText();
    const all = (await json(tokens!)).tokens;
    expect(all.length).toBeGreaterThan(0);
    for (const one of all) expect(words).toContain(one.id);
    const entries = (await json(audit!)).entries;
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expect(words).toContain(entry.method);
  });

  it("no page names a command that does not run", async () => {
    for (const path of [
      "/tests",
      "/perf",
      "/builds",
      "/known",
      `/test/${encodeURIComponent(test)}`,
    ]) {
      await go(path);
      for (const text of await commands()) if (!/RUN|SESSION|\.\.\./.test(text)) await shell(text);
    }
  });
});
