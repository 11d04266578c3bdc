// What went wrong, in words for people and with the way on. Pure.

export interface Problem {
  title: string;
  detail: string;
  hint: string;
  code: string;
  retry: boolean; // trying again may help
}

const titles: Record<string, { title: string; hint: string; retry: boolean }> = {
  unavailable: { title: "Kiln does not answer", hint: "It is tried again by itself.", retry: true },
  deadline_exceeded: {
    title: "No answer in time",
    hint: "The controller may be busy.",
    retry: true,
  },
  canceled: { title: "Stopped", hint: "", retry: true },
  not_found: {
    title: "There is no such thing",
    hint: "It may have been removed, or the link is wrong.",
    retry: false,
  },
  invalid_argument: { title: "That cannot be asked for", hint: "", retry: false },
  permission_denied: {
    title: "You may not do this",
    hint: "An admin of the lab can give your token another role.",
    retry: false,
  },
  unauthenticated: {
    title: "You are not signed in",
    hint: "Sign in with your token.",
    retry: false,
  },
  failed_precondition: { title: "Not now", hint: "", retry: true },
  aborted: {
    title: "Somebody was faster",
    hint: "Look at what it is now, then decide again.",
    retry: true,
  },
  already_exists: { title: "That exists already", hint: "", retry: false },
  resource_exhausted: {
    title: "Too much at once",
    hint: "Ask for less, or wait a moment.",
    retry: true,
  },
  unimplemented: {
    title: "This controller does not know that yet",
    hint: "A newer kilnd does.",
    retry: false,
  },
  internal: { title: "Kiln made a mistake", hint: "Its log says more.", retry: true },
  unknown: { title: "Something went wrong", hint: "", retry: true },
};

export function problemOf(code: string, message: string, hint = ""): Problem {
  const known = titles[code] ?? titles.unknown!;
  const detail = message.trim().slice(0, 600);
  return {
    title: known.title,
    detail: detail === known.title ? "" : detail,
    hint: hint || known.hint,
    code,
    retry: known.retry,
  };
}

/** Seconds until the next try: grows, has an end, and two windows do not try in step. */
export function backoff(failures: number, random: number): number {
  const base = Math.min(30, 2 ** Math.min(failures, 5));
  return Math.max(1, Math.round(base * (0.75 + 0.5 * random)));
}
