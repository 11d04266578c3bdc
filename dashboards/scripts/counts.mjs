// counts.mjs FILE: prints `PASSED FAILED` of vitest's JSON; no file, or no test at all, is a failure.
import { readFileSync } from "node:fs";

try {
  const all = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const broken = all.testResults.filter(
    (f) => f.status === "failed" && f.assertionResults.length === 0,
  );
  const failed = all.numFailedTests + broken.length + (all.numPassedTests === 0 ? 1 : 0);
  console.log(all.numPassedTests, failed);
} catch {
  console.log(0, 1);
}
