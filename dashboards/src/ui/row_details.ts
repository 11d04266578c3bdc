// Counts, bisection and kernel reports of rows whose list names only class and test: out of the
// reports of the newest runs on the page, one after the other.
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import { peek, prefetch } from "../api/resource";
import type { FindingRow } from "../gen/kiln/v1/findings_pb";
import type { RunReport } from "../gen/kiln/v1/report_pb";

const most = 12;

function bare(row: FindingRow): boolean {
  return row.finding !== undefined && row.finding.counts.length === 0;
}

export function useDetails(rows: readonly FindingRow[]): FindingRow[] {
  const runs = [...new Set(rows.filter(bare).map((row) => row.runId))]
    .sort((a, b) => (a > b ? -1 : 1))
    .slice(0, most);
  useEffect(() => {
    let gone = false;
    const fill = async () => {
      for (const run of runs) {
        if (gone) return;
        await prefetch(`report/${run}`, (signal) => api.lab.getReport({ runId: run }, { signal }));
      }
    };
    void fill();
    return () => {
      gone = true;
    };
  }, [runs.join(",")]);
  return rows.map((row) => {
    if (!bare(row) || !runs.includes(row.runId)) return row;
    const report = peek<RunReport>(`report/${row.runId}`);
    const finding = report?.findings.find((f) => f.id === row.finding?.id);
    return finding ? { ...row, finding } : row;
  });
}
