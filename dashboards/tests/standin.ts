// Stands in for kilnd where a test needs what a real one does not do on demand: it serves the built app
// under the same headers and answers with recorded reports of real runs. tests/real.test.ts has the real one.
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { hitsOf, pageOf } from "./standin_log";
import { machineHistory } from "./standin_machine";

// biome-ignore lint/suspicious/noExplicitAny: JSON as it came from the CLI
type Json = any;

const here = dirname(fileURLToPath(import.meta.url));
export const dist = process.env.KILN_DASHBOARD_OUT ?? join(here, "..", "dist");

export function recorded(name: string): Json {
  return JSON.parse(
    gunzipSync(readFileSync(join(here, "data", `${name}.json.gz`))).toString("utf8"),
  );
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

class Fail extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const status: Record<string, number> = {
  not_found: 404,
  unauthenticated: 401,
  permission_denied: 403,
  unimplemented: 501,
  unavailable: 503,
  invalid_argument: 400,
};

const needs: Record<string, string> = {
  DecideFindings: "keeper",
  ChangeKnown: "keeper",
  StartRepro: "submitter",
  HoldMachine: "submitter",
  SendTunnel: "submitter",
  ListTokens: "admin",
};
const roles = ["viewer", "submitter", "keeper", "admin"];

function envelope(payload: Json, flags = 0): Buffer {
  const body = Buffer.from(JSON.stringify(payload));
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

export class StandIn {
  reports = new Map<string, Json>();
  rows: Json[] = [];
  known: Json[] = [];
  tokens: Json[] = [];
  schedules: Json[] = [];
  machines: Json[] = [];
  queue: Json = { running: [], waiting: [] };
  grid: Json = undefined;
  metric: Json = undefined;
  log: string[] = [];
  growing = false; // its session goes on
  signedIn = true;
  guests = false;
  role = "keeper";
  name = "anna";
  missing = new Set<string>();
  failing = new Map<string, string>();
  asked: { method: string; body: Json }[] = [];
  private server: Server | undefined;
  private sockets = new Set<Socket>();
  private watchers = new Set<ServerResponse>();
  private consoles = new Set<ServerResponse>();
  console = "";
  private seq = 0;
  private decisions: Json[] = [];
  port = 0;

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    const server = this.server;
    await new Promise<void>((done, fail) => {
      server.once("error", fail);
      server.listen(this.port, "127.0.0.1", done);
    });
    this.port = (server.address() as AddressInfo).port;
  }

  /** As when kilnd is stopped: every connection ends. `start` takes the same port again. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.watchers.clear();
    await new Promise((done) => this.server?.close(done));
  }

  change(kind: string, more: Json = {}) {
    this.seq += 1;
    for (const watcher of this.watchers)
      watcher.write(envelope({ seq: String(this.seq), kind, ...more }));
  }

  /** The machine's console says it, to whoever has it open. */
  says(text: string) {
    this.console += text;
    for (const console of this.consoles)
      console.write(envelope({ data: Buffer.from(text).toString("base64") }));
  }

  get watching() {
    return this.watchers.size;
  }

  calls(method: string): Json[] {
    return this.asked.filter((a) => a.method === method).map((a) => a.body);
  }

  private async serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks);
    const json = (body: Json, code = 200) => {
      response.writeHead(code, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (url.pathname === "/auth/me")
      return json({
        name: this.signedIn ? this.name : "",
        role: this.signedIn ? this.role : this.guests ? "viewer" : "",
        signed_in: this.signedIn,
        viewer_without_sign_in: this.guests,
      });
    if (url.pathname === "/auth/sign-in") {
      const good = JSON.parse(text.toString()).token === "kiln_good";
      this.signedIn = good || this.signedIn;
      return json({}, good ? 200 : 401);
    }
    if (url.pathname === "/auth/sign-out") {
      this.signedIn = false;
      return json({});
    }
    if (url.pathname.startsWith("/kiln.v1."))
      return this.call(url.pathname, text, request, response);
    const file = join(dist, url.pathname);
    const found =
      url.pathname !== "/" && file.startsWith(dist) && existsSync(file) && extname(file) in types;
    const path = found ? file : join(dist, "index.html");
    response.writeHead(200, {
      "Content-Type": types[extname(path)] ?? "application/octet-stream",
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
    });
    response.end(readFileSync(path));
  }

  private call(path: string, text: Buffer, request: IncomingMessage, response: ServerResponse) {
    const method = path.split("/")[2] ?? "";
    const stream = request.headers["content-type"] === "application/connect+json";
    const body = JSON.parse((stream ? text.subarray(5) : text).toString() || "{}");
    this.asked.push({ method, body });
    try {
      if (!this.signedIn && !this.guests) throw new Fail("unauthenticated", "sign in with a token");
      if (this.missing.has(method)) throw new Fail("unimplemented", `no method ${method}`);
      const failing = this.failing.get(method);
      if (failing) throw new Fail(failing, `${method} fails for the test`);
      const need = needs[method];
      const role = this.signedIn ? this.role : "viewer";
      if (need && roles.indexOf(role) < roles.indexOf(need))
        throw new Fail(
          "permission_denied",
          `${method} needs the role ${need}, ${this.name} has ${role}`,
        );
      if (stream) return this.streamed(method, body, response);
      const reply = this.answer(method, body);
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(reply));
    } catch (error) {
      const fail = error instanceof Fail ? error : new Fail("internal", String(error));
      if (stream) {
        response.writeHead(200, { "Content-Type": "application/connect+json" });
        response.end(envelope({ error: { code: fail.code, message: fail.message } }, 2));
      } else {
        response.writeHead(status[fail.code] ?? 500, { "Content-Type": "application/json" });
        response.end(JSON.stringify({ code: fail.code, message: fail.message }));
      }
    }
  }

  private streamed(method: string, body: Json, response: ServerResponse) {
    if (method === "OpenConsole" && !this.machines.some((m) => m.name === body.machine))
      throw new Fail("not_found", `no connected machine is called ${body.machine}`);
    response.writeHead(200, { "Content-Type": "application/connect+json" });
    if (method === "Watch") {
      this.watchers.add(response);
      response.on("close", () => this.watchers.delete(response));
      response.write(envelope({ seq: String(this.seq), kind: "hello" }));
      return;
    }
    if (method === "OpenConsole") {
      this.consoles.add(response);
      response.on("close", () => this.consoles.delete(response));
      response.write(envelope({ tunnelId: "t1" }));
      response.write(envelope({ data: Buffer.from(this.console).toString("base64") }));
      return;
    }
    if (method === "GetLog")
      response.write(envelope({ data: Buffer.from(this.log.join("\n")).toString("base64") }));
    if (method === "WatchRun") {
      const report = this.reports.get(String(body.runId));
      for (const event of report?.events ?? []) response.write(envelope(event));
      if (report?.run.state === "running") return;
    }
    response.end(envelope({}, 2));
  }

  private report(id: string): Json {
    const report = this.reports.get(String(id));
    if (!report) throw new Fail("not_found", `there is no run ${id}`);
    return report;
  }

  private answer(method: string, body: Json): Json {
    switch (method) {
      case "WhoAmI":
        return { user: this.name, role: this.role };
      case "ListRuns":
        return {
          runs: [...this.reports.values()]
            .sort((a, b) => Number(b.run.id) - Number(a.run.id))
            .slice(0, body.limit ?? 50)
            .map((r) => ({ run: r.run, verdict: r.verdict })),
        };
      case "GetReport": {
        const { events: _, ...report } = this.report(body.runId);
        return report;
      }
      case "RetryRun":
      case "StartRepro":
        return { runId: "500" };
      case "CancelRun":
        this.report(body.runId).run.state = "interrupted";
        this.change("run", { runId: body.runId });
        return {};
      case "ListFindings":
        return { findings: this.rows, total: this.rows.length };
      case "DecideFindings":
        return this.decide(body);
      case "UndoDecision":
        return this.undo(body);
      case "ListKnown":
        return { filters: this.known };
      case "PreviewKnown":
        if (!body.filter?.author) throw new Fail("invalid_argument", "a filter needs an author");
        return {
          runs: 30,
          results: "18310",
          matches: 12,
          onlyPatched: 1,
          changes: [
            {
              runId: "412",
              finding: "f1",
              fromClass: "regression",
              toClass: "known",
              tests: [body.filter?.test ?? ""],
              onlyPatched: true,
            },
          ],
        };
      case "ChangeKnown":
        return this.changeKnown(body);
      case "AuditKnown":
        return {
          entries: [
            {
              id: "1",
              filterId: "1",
              who: "anna",
              action: "added",
              time: "2026-11-20T10:00:00Z",
              runs: 2,
              findings: 3,
            },
          ],
        };
      case "DescribeRepro":
        return {
          runId: body.runId,
          finding: body.finding,
          text: "boots 6 kernels, about 4 minutes\n\n  kiln repro 412/f1\n",
        };
      case "ReadLog":
        return {
          ...pageOf(this.log, body),
          ...(this.growing ? { growing: true, oldestLine: "1" } : {}),
        };
      case "SearchLog":
        return hitsOf(this.log, body);
      case "BootMachine": {
        const machine = this.machines.find((m) => m.name === body.machine);
        machine.visit = { kernel: `run ${body.runId ?? 7}: 6.1.192`, state: "booting" };
        this.change("machine");
        return { visit: machine.visit };
      }
      case "SendTunnel":
        this.says(Buffer.from(body.data, "base64").toString().replace("\r", "\r\n"));
        return {};
      case "ListMachines":
        return { machines: this.machines };
      case "MachineHistory":
        if (!this.machines.some((m) => m.name === body.machine))
          throw new Fail("not_found", `nothing ever ran on a machine \`${body.machine}\``);
        return machineHistory(new Date());
      case "ListAgents":
        return {
          agents: [
            {
              name: "rack-1",
              version: "0.1.0",
              connected: true,
              machines: this.machines.map((m) => m.name),
              clockOffsetSeconds: 0.2,
            },
          ],
        };
      case "ListQueue":
        return this.queue;
      case "HoldMachine": {
        const machine = this.machines.find((m) => m.name === body.machine);
        machine.hold = {
          machine: body.machine,
          user: this.name,
          reason: body.reason,
          from: "2026-11-28T10:00:00Z",
          until: "2026-11-28T12:00:00Z",
        };
        machine.state = "held";
        return { hold: machine.hold };
      }
      case "ReleaseMachine": {
        const machine = this.machines.find((m) => m.name === body.machine);
        machine.hold = undefined;
        machine.state = "ready";
        return {};
      }
      case "ListSchedules":
        return { schedules: this.schedules };
      case "PauseSchedule":
        this.schedules[0].paused = "2026-11-28T10:00:00Z";
        return this.schedules[0];
      case "ResumeSchedule":
        this.schedules[0].paused = undefined;
        return this.schedules[0];
      case "ListFirings":
        return {
          firings: [
            {
              key: "1",
              planned: "2026-11-28T02:30:00+02:00",
              state: "ended",
              runId: "412",
              result: "regression",
              headline: "Do not apply yet",
            },
          ],
        };
      case "ListTokens":
        return { tokens: this.tokens };
      case "ListAudit":
        return {
          entries: [
            {
              id: "9",
              time: "2026-11-28T09:00:00Z",
              who: "bob",
              role: "viewer",
              method: "Machines.HoldMachine",
              target: "kbl-1",
              outcome: "refused",
              detail: "needs the role submitter",
              peer: "127.0.0.1",
              times: 2,
            },
          ],
        };
      case "CreateToken":
        return { token: "kiln_secret_once", stored: { id: "x", user: body.user, role: body.role } };
      case "TestGrid":
        if (!this.grid) throw new Fail("unimplemented", "no history");
        return body.test
          ? { ...this.grid, tests: this.grid.tests.filter((t: Json) => t.test === body.test) }
          : this.grid;
      case "MetricHistory":
        if (!this.metric) throw new Fail("unimplemented", "no history");
        return body.metric ? this.metric : { metrics: this.metric.metrics };
      case "CompareConfigs":
        return {
          differences: [
            { symbol: "HIGHMEM4G", left: "y", right: "", reason: "asked", why: "highmem.config" },
            { symbol: "HIGHMEM", left: "y", right: "", reason: "follows", why: "HIGHMEM4G" },
            { symbol: "DEBUG_KMAP_LOCAL", left: "y", right: "", reason: "unexplained", why: "" },
          ],
        };
      default:
        if (/^List|^Get|^Describe/.test(method)) return {};
        throw new Fail("unimplemented", `no method ${method}`);
    }
  }

  private decide(body: Json): Json {
    const keys = new Set(body.findings.map((f: Json) => `${f.runId}/${f.finding}`));
    const rows = this.rows.filter((r) => keys.has(`${r.runId}/${r.finding.id}`));
    if (rows.length !== keys.size) throw new Fail("not_found", "one of the findings is gone");
    const decision = {
      id: String(this.decisions.length + 1),
      who: this.name,
      action: body.action,
      reason: body.reason,
      owner: body.owner,
    };
    this.decisions.push({ ...decision, before: rows.map((r) => [r, { ...r }]) });
    for (const row of rows) {
      if (body.action === "dismiss") row.state = "dismissed";
      if (body.action === "snooze") row.state = "snoozed";
      if (body.action === "reopen") row.state = "open";
      if (body.action === "assign") row.owner = body.owner ?? "";
      if (body.action === "seen") row.seenBy = [...(row.seenBy ?? []), this.name];
      else row.decision = decision;
    }
    return { decision };
  }

  private undo(body: Json): Json {
    const decision = this.decisions[Number(body.id) - 1];
    if (!decision) throw new Fail("not_found", "no such decision");
    for (const [row, before] of decision.before) Object.assign(row, before);
    return { decision: { id: body.id, undone: true } };
  }

  private changeKnown(body: Json): Json {
    if (body.remove) {
      this.known = this.known.filter((k) => k.filter.id !== String(body.filter.id));
      for (const row of this.rows) if (row.known === String(body.filter.id)) row.state = "open";
      return { runsJudged: 1, changes: [] };
    }
    const id = String(this.known.length + 100);
    const filter = { ...body.filter, id, author: this.name };
    this.known.push({ filter, findings: 1 });
    for (const row of this.rows)
      if (row.finding.test !== "" && row.finding.test === body.filter.test) {
        row.state = "known";
        row.known = id;
      }
    return {
      after: filter,
      runsJudged: 1,
      changes: [{ runId: "412", finding: "f1", fromClass: "regression", toClass: "known" }],
    };
  }
}
