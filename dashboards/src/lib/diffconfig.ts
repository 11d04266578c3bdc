// Two kernel configs side by side. Pure.
import type { ConfigDifference } from "../gen/kiln/v1/history_pb";

export const reasons: { reason: string; words: string; flag: boolean }[] = [
  { reason: "unexplained", words: "unexplained: look twice", flag: true },
  { reason: "dropped", words: "dropped by Kconfig", flag: false },
  { reason: "asked", words: "asked for", flag: false },
  { reason: "follows", words: "follows from what was asked for", flag: false },
];

export function byReason(differences: readonly ConfigDifference[]) {
  return reasons
    .map((r) => ({ ...r, rows: differences.filter((d) => d.reason === r.reason) }))
    .concat([
      {
        reason: "other",
        words: "reason not told",
        flag: false,
        rows: differences.filter((d) => !reasons.some((r) => r.reason === d.reason)),
      },
    ])
    .filter((g) => g.rows.length > 0);
}
