// Tests and metrics over many runs: from the controller, or out of its newest reports.

import { globMatches } from "../lib/filter";
import { type GridView, gridOfReports } from "../lib/grid";
import { type MetricView, metricsOfReports } from "../lib/metrics";
import { api, isMissing } from "./client";
import { newestReports } from "./findings";

export interface Source {
  fromReports: number; // so many newest runs were looked at; 0 = the controller's own history
}

const reports = 20;

export async function testGrid(
  asked: { job: string; test: string; machine: string; runs: number; steady: boolean },
  signal: AbortSignal,
): Promise<GridView & Source & { total: number }> {
  try {
    const reply = await api.history.testGrid({ ...asked, limit: 1000 }, { signal });
    return { runs: reply.runs, tests: reply.tests, total: reply.totalTests, fromReports: 0 };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const found = (await newestReports(reports, signal)).filter(
    (r) =>
      r.sessions.some((s) => s.results.length > 0) &&
      (!asked.job || globMatches(asked.job, r.run?.jobName ?? "")),
  );
  const grid = gridOfReports(found);
  const tests = grid.tests.filter(
    (t) =>
      (!asked.test || globMatches(asked.test, t.test)) &&
      (asked.steady || !/^[. S]*$/.test(t.on + t.off) || changes(t)),
  );
  return { runs: grid.runs, tests, total: tests.length, fromReports: found.length };
}

/** Of one test, where the controller keeps a history; else undefined, without reading reports. */
export async function historyOf(test: string, signal: AbortSignal): Promise<{ grid?: GridView }> {
  try {
    const reply = await api.history.testGrid(
      { test, runs: 90, limit: 1, steady: true },
      { signal },
    );
    return { grid: { runs: reply.runs, tests: reply.tests } };
  } catch (error) {
    if (isMissing(error)) return {};
    throw error;
  }
}

function changes(t: { on: string; off: string }): boolean {
  return [t.on, t.off].some((text) => new Set(text.replaceAll(" ", "")).size > 1);
}

export async function metricHistory(
  asked: { metric: string; machine: string; config: string; variant: string },
  signal: AbortSignal,
): Promise<MetricView & Source> {
  try {
    const reply = await api.history.metricHistory({ ...asked, runs: 400 }, { signal });
    return {
      metrics: reply.metrics,
      unit: reply.unit,
      points: reply.points.map((p) => ({
        run: p.runId,
        time: Number(p.time?.seconds ?? 0n),
        boots: p.boots,
        median: p.median,
        config: p.config,
        variant: p.variant,
      })),
      changes: reply.changes,
      noise: reply.noisePercent,
      fromReports: 0,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const found = await newestReports(reports, signal);
  return { ...metricsOfReports(found, asked.metric), fromReports: found.length };
}
