// What the stand-in knows of a machine's past: a day with two faults of the lab's own.

/** As the controller's MachineHistory answers, newest session first. */
export function machineHistory(now: Date, sessions = 60) {
  const rows = [];
  for (let i = 0; i < sessions; i += 1) {
    const bad = i === 4 || i === 20;
    const began = new Date(now.getTime() - (i + 1) * 20 * 60_000);
    rows.push({
      id: String(900 - i),
      runId: String(2 - (i % 2)),
      jobName: "drm-night",
      purpose: i % 5 === 0 ? "canary" : "functional",
      variant: i % 2 ? "baseline" : "patched",
      config: "i386-highmem",
      ending: i === 0 ? "" : bad ? "infrastructure" : "tested",
      errorClass: bad ? "INFRA_NET" : "",
      error: bad ? "SSH gave no answer for 45 s <b>here</b>" : "",
      started: began.toISOString(),
      seconds: i === 0 ? 0 : bad ? 400 : 900,
      restarts: i === 7 ? 1 : 0,
      idleSeconds: i === 0 ? -1 : bad ? 800 : 300,
    });
  }
  return {
    sessions: rows,
    days: 14,
    endings: [
      { ending: "tested", sessions: 400, seconds: 360_000 },
      { ending: "infrastructure", errorClass: "INFRA_NET", sessions: 2, seconds: 800 },
    ],
    noise: [
      {
        metric: "kmap/ns_per_map",
        pairs: 24,
        sdPercent: 0.81,
        detectablePercent: 1.12,
        experiments: 4,
        alarms: 0,
        believed: true,
      },
      { metric: "gem/create", pairs: 24, sdPercent: 6.2, experiments: 4, alarms: 3 },
    ],
  };
}
