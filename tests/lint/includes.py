#!/usr/bin/env python3
"""includes.py ROOT: who may include whom (docs/architecture.md). Prints each break, exits 1 on any."""
import pathlib
import re
import sys

# Folder -> folders of lib/ it may include (its own is always allowed).
LIB = {
    "base": [],
    "os": ["base"],
    "lab": ["base"],
    "keep": ["base"],
    "log": ["base"],
    "hygiene": ["base", "os"],
    "slurm": ["base"],
    "pki": ["base", "os"],
    "access": ["base", "os"],
    "conf": ["base", "os"],
    "machine": ["base", "os", "conf"],
    "stats": ["base"],
    "blob": ["base", "os"],
    "series": ["base", "os"],
    "reach": ["base", "series"],
    "kernel": ["base", "os", "conf"],
    "statics": ["base", "kernel", "series"],
    "igt": ["base", "os", "dmesg"],
    "dmesg": ["base", "os"],
    "symbols": ["base", "os", "dmesg"],
    "job": ["base", "os", "conf", "kernel"],
    "known": ["base"],
    "verdict": ["base", "job", "kernel", "dmesg", "hygiene", "igt", "stats", "known", "reach", "statics"],
    "db": ["base", "os", "kernel", "hygiene", "verdict", "job", "keep", "known", "access"],
    "report": ["base", "os", "hygiene", "reach", "statics", "known", "verdict", "stats", "job", "kernel"],
    "http": ["base"],
    "connect": ["base", "http"],
    "patchwork": ["base", "os", "conf", "http", "report"],
    "rpc": ["base", "os", "pki"],
    "cron": ["base"],
    "nights": ["base", "cron"],
}
# Header pattern -> path prefixes that may include it.
ONLY = [
    (r"grpc|kiln/v1/.*\.grpc\.pb\.h", ["lib/rpc/", "controller/rpc/", "controller/app/", "controller/gateway/", "agent/link/", "agent/app", "agent/tools/", "cli/"]),
    (r"sqlite3\.h|SQLiteCpp/", ["lib/db/"]),
    (r"openssl/", ["lib/pki/", "lib/os/", "agent/test/"]),
    (r"libssh/", ["agent/ssh/"]),
    (r"yaml-cpp/", ["lib/conf/"]),
    (r"curl/", ["lib/http/"]),
    (r"date/", ["lib/cron/"]),
    (r"boost/(beast|asio)|httplib", ["lib/http/"]),
    (r"zlib\.h", ["lib/http/"]),
    (r"prometheus/", ["controller/metrics/"]),
]


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    breaks = []
    files = [p for d in ("lib", "controller", "agent", "cli") for p in (root / d).rglob("*") if p.suffix in (".h", ".cpp")]
    for path in sorted(files):
        rel = path.relative_to(root).as_posix()
        top = rel.split("/")[0]
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not found:
                continue
            header = found.group(1)
            where = f"{rel}:{number}: includes {header}"
            if top == "lib" and header.startswith("lib/"):
                mine, theirs = rel.split("/")[1], header.split("/")[1]
                if theirs != mine and theirs not in LIB.get(mine, []):
                    breaks.append(f"{where}: lib/{mine} may not include lib/{theirs}")
            if top == "lib" and re.match(r"(controller|agent|cli)/", header):
                breaks.append(f"{where}: lib/ includes no program")
            if (top, header.split("/")[0]) in {("controller", "agent"), ("agent", "controller")}:
                breaks.append(f"{where}: controller and agent meet in proto/ only")
            for pattern, allowed in ONLY:
                is_test = rel.endswith(("_test.cpp", "/testing.h"))
                if re.match(pattern, header) and not is_test and not any(rel.startswith(a) for a in allowed):
                    breaks.append(f"{where}: only {', '.join(allowed)} may")
    print("\n".join(breaks))
    if not files:
        print("no source files found")
        return 1
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(main())
