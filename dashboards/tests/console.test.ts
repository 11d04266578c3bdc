// A machine's console in the browser: live, for all to read, for its holder to type.
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { launch, open, settled } from "./browser";
import { seeded } from "./seeds";
import type { StandIn } from "./standin";

let standin: StandIn;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
});
beforeEach(async () => {
  standin = await seeded();
  standin.console = "login: ";
  await standin.start();
});
afterEach(async () => {
  await standin.stop();
});

const at = "/machine/bdw-1/console";
const hold = (user: string) => {
  const machine = standin.machines.find((m) => m.name === "bdw-1");
  machine.hold = { machine: "bdw-1", user, reason: "a look", until: "2036-01-01T00:00:00Z" };
  machine.state = "held";
};

it("shows what is said as it is said, and never as anything but text", async () => {
  const { page, context, errors } = await open(browser, standin.url, at);
  await settled(page);
  const console = page.getByRole("log");
  await expect.poll(() => console.innerText()).toContain("login:");
  standin.says("<img src=x onerror=alert(1)>\x1b[31mred\x1b[0m\u202e\r\n");
  await expect.poll(() => console.innerText()).toContain("<img src=x onerror=alert(1)>red");
  expect(await page.locator("img").count()).toBe(0);
  expect(errors).toEqual([]);
  await context.close();
});

it("lets its holder type, line by line", async () => {
  hold("anna");
  const { page, context } = await open(browser, standin.url, at);
  await settled(page);
  await expect.poll(() => page.getByRole("log").innerText()).toContain("login:");
  await page.keyboard.press("/");
  await page.keyboard.type("root");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.getByRole("log").innerText()).toContain("login: root");
  const sent = standin.calls("SendTunnel");
  expect(sent.map((s) => [s.tunnelId, Buffer.from(s.data, "base64").toString()])).toEqual([
    ["t1", "root\r"],
  ]);
  await page.getByRole("button", { name: "Ctrl-C" }).click();
  await expect.poll(() => standin.calls("SendTunnel").length).toBe(2);
  await context.close();
});

it("tells others whose it is, and sends nothing of theirs", async () => {
  hold("bob");
  const { page, context } = await open(browser, standin.url, at);
  await settled(page);
  await expect.poll(() => page.locator("body").innerText()).toContain("Hold the machine first");
  await page.getByLabel("Type").fill("reboot");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Ctrl-C" }).click({ force: true });
  expect(standin.calls("SendTunnel")).toEqual([]);
  await context.close();
});

it("boots what its holder likes", async () => {
  hold("anna");
  const { page, context } = await open(browser, standin.url, "/machines");
  await settled(page);
  await page.getByRole("button", { name: "Boot", exact: true }).click();
  await page.getByLabel("Whose kernel").fill("412");
  await page.getByLabel("Which").fill("patched/i386-highmem");
  await expect
    .poll(() => page.getByRole("dialog").innerText())
    .toContain("kiln boot bdw-1 --run 412 --cell patched/i386-highmem");
  await page.getByRole("button", { name: "Boot it" }).click();
  await page.getByText("run 412: 6.1.192 booting").waitFor();
  expect(standin.calls("BootMachine")).toEqual([
    { machine: "bdw-1", runId: "412", cell: "patched/i386-highmem" },
  ]);
  await context.close();
});

it("opens it again when the line breaks", async () => {
  const { page, context } = await open(browser, standin.url, at);
  await expect.poll(() => page.getByRole("log").innerText()).toContain("login:");
  await standin.stop();
  standin.console = "back again";
  await standin.start();
  await expect
    .poll(() => page.getByRole("log").innerText(), { timeout: 30_000 })
    .toContain("back again");
  await context.close();
});

it("says it of a machine that is not there", async () => {
  const { page, context } = await open(browser, standin.url, "/machine/nobody/console");
  await expect.poll(() => page.locator(".fault").innerText()).toContain("no connected machine");
  await context.close();
});
