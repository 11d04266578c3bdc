// counts.mjs FILE: prints `PASSED FAILED` of vitest's JSON, then, a line each, the tests that failed; no file, or no
// test at all, is a failure.
import { readFileSync } from "node:fs";

try {
  const all = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const broken = all.testResults.filter(
    (f) => f.status === "failed" && f.assertionResults.length === 0,
  );
  const failed = all.testResults.flatMap((f) =>
    f.assertionResults.filter((t) => t.status === "failed").map((t) => [f.name, t.fullName]),
  );
  const counted = all.numFailedTests + broken.length + (all.numPassedTests === 0 ? 1 : 0);
  console.log(all.numPassedTests, counted);
  for (const [file, test] of [...failed, ...broken.map((f) => [f.name, "did not load"])])
    console.log(`${file.split("/").pop()}: ${test}`);
} catch {
  console.log(0, 1);
}
