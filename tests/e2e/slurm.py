"""A Slurm cluster of the tests' own on the loopback: munged, slurmctld and two slurmd, with their own key and ports."""
import getpass
import os
import pathlib
import socket
import subprocess
import time

from lab import free_ports


class Cluster:
    def __init__(self, folder):
        self.folder, self.processes = pathlib.Path(folder), []
        self.folder.chmod(0o755)
        for name in ("state", "log", "munge"):
            (self.folder / name).mkdir()
        (self.folder / "munge").chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.socket = self.folder / "munge" / "socket"
        self.env = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.write_config()
        self.start("munged", "--foreground", f"--socket={self.socket}", f"--key-file={key}",
                   f"--pid-file={self.folder}/munge/pid", f"--seed-file={self.folder}/munge/seed")
        self.wait(self.socket.exists)
        self.start("slurmctld", "-D", "-f", self.folder / "slurm.conf")
        for node in ("node1", "node2"):
            self.start("slurmd", "-D", "-N", node, "-f", self.folder / "slurm.conf")
        self.wait(lambda: self.run("sinfo", "-h", "-N", "-o", "%T") == "idle\nidle\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write_config(self):
        host = socket.gethostname().split(".")[0]
        here, control, one, two = self.folder, *free_ports(3)
        user = getpass.getuser()
        nodes = "".join(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=64000\n"
                        for name, port in (("node1", one), ("node2", two)))
        (here / "slurm.conf").write_text(f"""ClusterName=kiln
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={self.socket},cred_expire=5
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool-%n
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=2
MinJobAge=3600
{nodes}PartitionName=build Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
""")

    def environment(self):
        return {**os.environ, **self.env, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}

    def start(self, program, *argv):
        with open(self.folder / "log" / program, "ab") as log:
            self.processes.append(subprocess.Popen([program, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=log,
                                                   stderr=log, env=self.environment()))

    def run(self, *argv):
        done = subprocess.run(argv, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, timeout=30)
        return done.stdout if done.returncode == 0 else ""

    def wait(self, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                logs = "".join(file.read_text(errors="replace")[-1500:] for file in (self.folder / "log").iterdir())
                self.close()
                raise AssertionError(f"the cluster is not up within {seconds} s\n{logs}")
            time.sleep(0.1)

    def jobs(self):
        """(number, name, state) of each job that ever was."""
        lines = self.run("squeue", "-h", "-t", "all", "-o", "%i %j %T").split("\n")
        return sorted(tuple(line.split()) for line in lines if line)

    def close(self):
        self.run("scancel", "--quiet", f"--user={getpass.getuser()}")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and self.run("squeue", "-h", "-t", "PENDING,RUNNING,CG"):
            time.sleep(0.1)
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
