// What a first load takes: the entry, what it imports and its styles, gzip. Over the limit = failure.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const limit = 120 * 1024;
const out =
  process.env.KILN_DASHBOARD_OUT ?? join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
const bytes = (name) => gzipSync(readFileSync(join(out, name))).length;
const taken = new Set();
const take = (key) => {
  const chunk = manifest[key];
  if (!chunk || taken.has(chunk.file)) return;
  taken.add(chunk.file);
  for (const one of chunk.imports ?? []) take(one);
};
take("index.html");
const entry = [...taken].reduce((sum, name) => sum + bytes(name), 0);
// The page that is opened comes beside it: the largest one counts.
let largest = { name: "none", size: 0 };
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry || !key.startsWith("src/pages/")) continue;
  const own = new Set();
  const walk = (one) => {
    const part = manifest[one];
    if (!part || taken.has(part.file) || own.has(part.file)) return;
    own.add(part.file);
    for (const next of part.imports ?? []) walk(next);
  };
  walk(key);
  const size = [...own].reduce((sum, name) => sum + bytes(name), 0);
  if (size > largest.size) largest = { name: key, size };
}
const total = entry + largest.size;
const kib = (n) => `${(n / 1024).toFixed(1)} KiB`;
console.log(
  `first load: ${kib(entry)} + largest page ${kib(largest.size)} (${largest.name}) = ${kib(total)} of ${kib(limit)} gzip`,
);
process.exit(total <= limit ? 0 : 1);
