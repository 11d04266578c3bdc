// Messages and services of proto/kiln/v1 as TypeScript, into src/gen (not committed).
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const proto = join(here, "..", "proto");
const out = join(here, "src", "gen");
const files = readdirSync(join(proto, "kiln/v1")).filter((name) => name.endsWith(".proto"));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
execFileSync(
  "protoc",
  [
    `-I${proto}`,
    `--plugin=protoc-gen-es=${join(here, "node_modules/.bin/protoc-gen-es")}`,
    `--es_out=${out}`,
    "--es_opt=target=ts",
    ...files.map((name) => `kiln/v1/${name}`),
  ],
  { stdio: "inherit" },
);
