#!/usr/bin/env python3
"""machine_settings.py DATA: shell lines that name the e2e tests' kernel, and the root image that the agent made, for the agent's tests on the real machine."""
import os
import pathlib
import shlex
import sqlite3
import subprocess
import sys
import time


def main() -> int:
    data = pathlib.Path(sys.argv[1])
    if not (data / "kiln.db").exists():
        return 1
    with sqlite3.connect(f"file:{data}/kiln.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT b.key, b.modules_digest FROM run_builds r JOIN builds b ON b.key = r.build_key"
                          " WHERE r.variant = 'baseline' AND r.config = 'i386-highmem' AND b.state = 'built'"
                          " ORDER BY r.run_id DESC").fetchall()
    for key, digest in rows:
        objects = data / "objects" / key / "obj"
        blob = data / "blobs" / digest[:2] / digest[2:]
        if not objects.is_dir() or not (blob.exists() or blob.with_name(blob.name + ".zst").exists()):
            continue
        trial = data / "trial"
        trial.mkdir(exist_ok=True)
        # Of its kernel alone: with a later run a later caller gets another one, beside tests that go on.
        modules = trial / f"modules-{key[:16]}.tar.zst"
        # Whole or not there: tests of another part may be reading it.
        new = modules.with_suffix(f".{os.getpid()}")
        if blob.exists():
            new.write_bytes(blob.read_bytes())
        else:
            subprocess.run(["zstd", "-dqf", str(blob) + ".zst", "-o", str(new)], check=True)
        new.replace(modules)
        for old in trial.glob("modules*"):
            if time.time() - old.stat().st_mtime > 86400:
                old.unlink()
        images = sorted((data / "agent" / "images").glob("*/image.json"), key=lambda file: file.stat().st_mtime)
        if not images:
            return 1
        print(f"export KILN_ROOT_IMAGE={shlex.quote(str(images[-1].parent))}")
        for name, value in (("BUILD", objects), ("MODULES", modules), ("DATA", trial)):
            print(f"export KILN_TRIAL_{name}={shlex.quote(str(value))}")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
