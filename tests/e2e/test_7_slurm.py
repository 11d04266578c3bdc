"""kilnd whose builds are a real Slurm cluster's: killed while one compiles, it waits on for the same job."""
import os
import secrets
import tempfile
import time
import unittest

import lab
from daemons import Lab, rows
from slurm import Cluster

FILE = "drivers/gpu/drm/i915/gem/i915_gem_shmem.c"


def new_series(folder):
    """One patch that nobody has built yet: the compiler reads another line, the code is the same."""
    name = f"kiln_slurm_{secrets.token_hex(6)}"
    (folder / "series").mkdir()
    (folder / "series" / "0001-declare.patch").write_text(f"""From: A tester <tester@localhost>
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] drm/i915: Declare {name}

So that this file is compiled again.

---
diff --git a/{FILE} b/{FILE}
--- a/{FILE}
+++ b/{FILE}
@@ -1,3 +1,4 @@
+extern int {name};
 /*
  * SPDX-License-Identifier: MIT
  *
--
2.39
""")
    return folder / "series"


class Slurm(unittest.TestCase):
    def test_a_controller_killed_in_a_build_waits_on_for_the_same_job(self):
        with tempfile.TemporaryDirectory(prefix="kiln-slurm-") as home, lab.Folder() as folder, \
                Cluster(home) as cluster:
            before = dict(os.environ)
            os.environ.update(cluster.env)
            self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
            with Lab(folder.path, settings="quarantine_after: 0\nbuilds: slurm\n") as site:
                site.kilnd.start()
                site.wait("kilnd answers", lambda: site.kiln("queue").code == 0, 60)
                job = folder.small_job("on-slurm", series=new_series(folder.path))
                done = site.kiln("submit", job, "--format", "json", timeout=600)
                self.assertEqual(done.code, 0, done)
                run = int(done.json()["run_id"])

                def running():
                    return [j for j in cluster.jobs() if j[2] == "RUNNING"]

                site.wait("a build runs on a node", running, 90)
                site.kilnd.kill()
                time.sleep(1)
                site.kilnd.start()

                def built():
                    return rows(lab.DATA, """SELECT b.key, b.state FROM run_builds r JOIN builds b ON b.key = r.build_key
                                             WHERE r.run_id = ? AND r.variant = 'patched'""", run)

                site.wait("the kernel is built", built, 600)
                (key, state), = built()
                self.assertEqual(state, "built")
                mine = [j for j in cluster.jobs() if j[1].startswith(f"kiln-{key[:12]}-")]
                self.assertEqual(len(mine), 1, f"no build was handed in twice: {cluster.jobs()}")
                self.assertEqual(mine[0][2], "COMPLETED", cluster.jobs())
                self.assertEqual(site.kiln("cancel", run).code, 0)


if __name__ == "__main__":
    unittest.main()
