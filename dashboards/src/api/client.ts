// Calls to kilnd, Connect with JSON on the page's own origin. The session's cookie proves who calls.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { signal } from "@preact/signals";
import { Access } from "../gen/kiln/v1/access_pb";
import { Findings } from "../gen/kiln/v1/findings_pb";
import { History } from "../gen/kiln/v1/history_pb";
import { Keeping } from "../gen/kiln/v1/keeping_pb";
import { Lab } from "../gen/kiln/v1/lab_pb";
import { Live } from "../gen/kiln/v1/live_pb";
import { Logs } from "../gen/kiln/v1/logs_pb";
import { Machines } from "../gen/kiln/v1/machines_pb";
import { Review } from "../gen/kiln/v1/review_pb";
import { Schedules } from "../gen/kiln/v1/schedule_pb";
import { type Problem, problemOf } from "../lib/problem";

/** A call was refused because nobody is signed in (any more): the shell asks for the token. */
export const signedOut = signal(false);

const watchSession: Interceptor = (next) => async (request) => {
  try {
    const answer = await next(request);
    return answer;
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) signedOut.value = true;
    throw error;
  }
};

const transport = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: false,
  defaultTimeoutMs: 20_000,
  interceptors: [watchSession],
});
const streaming = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: false,
  interceptors: [watchSession],
});

export const api = {
  access: createClient(Access, transport),
  findings: createClient(Findings, transport),
  history: createClient(History, transport),
  keeping: createClient(Keeping, transport),
  lab: createClient(Lab, transport),
  logs: createClient(Logs, transport),
  machines: createClient(Machines, transport),
  review: createClient(Review, transport),
  schedules: createClient(Schedules, transport),
  live: createClient(Live, streaming),
  labStream: createClient(Lab, streaming),
  machineStream: createClient(Machines, streaming),
};

const words = new Map<Code, string>(
  Object.entries(Code)
    .filter((e): e is [string, Code] => typeof e[1] === "number")
    .map(([name, code]) => [code, name.replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase()]),
);

export function problem(error: unknown): Problem {
  if (error instanceof ConnectError || !(error instanceof TypeError)) {
    const connect = ConnectError.from(error);
    return problemOf(words.get(connect.code) ?? "unknown", connect.rawMessage);
  }
  // fetch itself failed: nobody listens there, or the network is gone.
  return problemOf("unavailable", "");
}

export function isMissing(error: unknown): boolean {
  const code = ConnectError.from(error).code;
  return code === Code.Unimplemented;
}

export interface Me {
  signedIn: boolean;
  name: string;
  role: string;
  viewerWithoutSignIn: boolean;
}

export async function whoAmI(): Promise<Me> {
  const answer = await fetch("/auth/me", { credentials: "same-origin", cache: "no-store" });
  if (answer.status === 401)
    return { signedIn: false, name: "", role: "", viewerWithoutSignIn: false };
  if (!answer.ok) throw new TypeError(`/auth/me: ${answer.status}`);
  const said: unknown = await answer.json();
  const of = (said ?? {}) as Record<string, unknown>;
  const text = (v: unknown) => (typeof v === "string" ? v : "");
  const name = text(of.name);
  return {
    name,
    role: text(of.role),
    signedIn: of.signed_in === undefined ? name !== "" : of.signed_in === true,
    viewerWithoutSignIn: of.viewer_without_sign_in === true,
  };
}

/** "" = signed in, else why not. */
export async function signIn(token: string): Promise<string> {
  const answer = await fetch("/auth/sign-in", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) return "";
  if (answer.status === 401 || answer.status === 403)
    return "That token is not good here (any more).";
  if (answer.status === 429) return "Too many tries. Wait a minute.";
  return `The controller answered ${answer.status}.`;
}

export async function signOut(): Promise<void> {
  await fetch("/auth/sign-out", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
}
