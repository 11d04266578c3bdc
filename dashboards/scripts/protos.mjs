// Messages and services of proto/kiln/v1 as TypeScript, into src/gen (not committed).
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const proto = join(here, "..", "proto");
const next = join(here, "proto-next");
const out = join(here, "src", "gen");
const files = readdirSync(join(proto, "kiln/v1")).filter((name) => name.endsWith(".proto"));
const more = existsSync(next)
  ? readdirSync(join(next, "kiln/v1")).filter((name) => !files.includes(name))
  : [];
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
execFileSync(
  "protoc",
  [
    `-I${proto}`,
    ...(more.length ? [`-I${next}`] : []),
    `--plugin=protoc-gen-es=${join(here, "node_modules/.bin/protoc-gen-es")}`,
    `--es_out=${out}`,
    "--es_opt=target=ts",
    ...[...files, ...more].map((name) => `kiln/v1/${name}`),
  ],
  { stdio: "inherit" },
);
