"""A patched cell's build by Kiln against a bare incremental make of the same change."""
import concurrent.futures
import os
import re
import secrets
import shutil
import time

from parts import session
from parts.common import JOBS, SHORT_LIST, BenchError, Figure, checked

CELL = "i386-highmem"
OLD = 946_684_800  # older than any object, as Kiln's own trees
NOBODY = "65534"


def changed_files():
    """The files that the founding series touches."""
    files = []
    for patch in sorted((JOBS / "series").glob("*.patch")):
        files += re.findall(r"^\+\+\+ b/(\S+)$", patch.read_text(), re.M)
    return sorted(set(files))


def nonce_line():
    """Changes no code, but what the compiler reads: a mere comment would come out of ccache."""
    return f"extern int kiln_bench_{secrets.token_hex(6)};"


def write_series(folder, contents, line):
    """One patch that adds `line` on top of each file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    diffs = []
    for path, text in contents.items():
        top = text.splitlines()[:3]
        diffs.append(f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,4 @@\n"
                     f"+{line}\n" + "".join(f" {words}\n" for words in top))
    (folder / "0001-bench.patch").write_text(
        "From: Kiln bench <bench@localhost>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"
        f"Subject: [PATCH] drm/i915: Declare {line.split()[-1].rstrip(';')}\n\n"
        "So that the files of the series are compiled again.\n\n---\n" + "".join(diffs) + "-- \n2.39\n")


class BareTree:
    """A developer's ready tree: the baseline's sources and a copy of its objects."""

    def __init__(self, lab, source_tree, key):
        self.lab = lab
        self.source, self.objects = lab.work / "tree", lab.work / "obj"
        self.remove()
        self._copy_source(source_tree)
        checked(["cp", "-a", "--reflink=auto", lab.data / "objects" / key / "obj", self.objects])

    def remove(self):
        for folder in (self.source, self.objects):
            shutil.rmtree(folder, ignore_errors=True)

    def _copy_source(self, tree):
        trees = self.lab.data / "trees"
        whole, overlay = trees / tree, None
        if not whole.is_dir():
            overlays = sorted(trees.glob(f"{tree}.over-*"))
            if not overlays:
                raise BenchError(f"{trees} holds no tree {tree}")
            overlay = overlays[0]
            whole = next(trees.glob(overlay.name.split(".over-")[1] + "*"))
        checked(["cp", "-al", whole, self.source])
        if overlay:
            for file in (f for f in overlay.rglob("*") if f.is_file()):
                self.write(file.relative_to(overlay), file.read_bytes(), old=True)

    def write(self, path, data, old=False):
        """A new inode: the old one is Kiln's, too."""
        target = self.source / path
        target.unlink(missing_ok=True)
        target.write_bytes(data)
        if old:
            os.utime(target, (OLD, OLD))

    def make(self):
        """Seconds of one make, in the layout that Kiln builds in, so that ccache serves both alike."""
        argv = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent",
                "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
                "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/sbin", "/sbin",
                # /etc by itself first: as a mere parent of a mount only root could enter it, and awk lies behind it.
                "--dir", "/etc", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc", "--dev", "/dev",
                "--perms", "1777", "--tmpfs", "/tmp",  # make's --output-sync crashes without
                "--dir", "/kiln", "--ro-bind", self.source, "/kiln/src",
                "--bind", self.objects, "/kiln/obj", "--bind", self.lab.ccache, "/kiln/ccache",
                "--chdir", "/kiln/obj", "--clearenv"]
        for name, value in {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C",
                            "CCACHE_DIR": "/kiln/ccache", "KBUILD_BUILD_USER": "kiln",
                            "KBUILD_BUILD_HOST": "kiln", "KBUILD_BUILD_VERSION": "1",
                            "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970"}.items():
            argv += ["--setenv", name, value]
        if os.geteuid() == 0:
            argv += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        argv += ["make", "-C", "/kiln/src", "O=/kiln/obj", "ARCH=i386", "CC=ccache gcc",
                 f"-j{os.cpu_count()}", "--output-sync=target"]
        started = time.monotonic()
        out = checked(argv).decode(errors="replace")
        seconds = time.monotonic() - started
        return seconds, len(re.findall(r"^\s+CC ", out, re.M))


def build(lab, repeats):
    ready = lab.ready()
    source_tree = ready.report["run"]["source_tree"]
    contents = {path: checked(["git", f"--git-dir={lab.data / 'sources.git'}", "show",
                               f"{source_tree}:{path}"]).decode() for path in changed_files()}
    bare = BareTree(lab, source_tree, ready.build(f"baseline/{CELL}")["key"])
    try:
        bare.make()  # settled: what the copying itself made make do is not measured

        def by_kiln():
            series = lab.work / "series"
            write_series(series, contents, nonce_line())
            built = lab.run(lab.job("bench-build", series, SHORT_LIST)).build(f"patched/{CELL}")
            if built["state"] != "built" or not built.get("incremental"):
                raise BenchError(f"Kiln did not build {built['cell']} from its baseline: {built['state']}")
            return built["elapsed_seconds"]

        def by_make():
            line = nonce_line()
            for path, text in contents.items():
                bare.write(path, f"{line}\n{text}".encode())
            # As in Kiln's run, the baseline's functional boot goes on meanwhile.
            with concurrent.futures.ThreadPoolExecutor() as pool:
                boot = pool.submit(session.bare_seconds, lab, ready, f"baseline/{CELL}", SHORT_LIST)
                seconds, compiled = bare.make()
                boot.result()
            if compiled < len(contents):
                raise BenchError(f"make compiled {compiled} of {len(contents)} changed files")
            return seconds

        ratios, seconds = [], []
        for i in range(repeats):
            # In turns, so that whatever else this computer does slows both.
            if i % 2 == 0:
                kiln, make = by_kiln(), by_make()
            else:
                make, kiln = by_make(), by_kiln()
            ratios.append(kiln / make)
            seconds.append(f"{kiln:.1f} s/{make:.1f} s")
    finally:
        bare.remove()
    return [Figure("build", "x", 1.3,
                   "a patched cell's build by Kiln against bare make of the same change in a ready tree, the baseline's boot going on beside both, "
                   + ", ".join(seconds), ratios)]


def lookup(lab, repeats):
    lab.ready()
    job = lab.job("bench-warm", tests=["igt@core_getversion@basic"])
    lab.plan_seconds(job)
    values = [lab.plan_seconds(job) for _ in range(max(repeats, 5))]
    return [Figure("lookup", " s", 0.3,
                   "a whole `kiln plan` whose builds are all found by key, the process' start included",
                   values)]
