"""A real Slurm on this host: munge, a controller, and node daemons that a test may kill. All in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

NODES = ("node1", "node2")
DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
STEP = "slurmstepd"
FIRST_PORT = 17000
PATIENCE_S = 60.0
MEMORY_MB = 1000
"""What a node says it has."""

LITTLE_MB = 100  # what a job gets that does not ask
FEATURE = "large"
"""Of the last node alone."""


def missing() -> str | None:
    """Why no cluster can be started here, or None."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    absent = [name for name in (*DAEMONS, *CLIENTS) if shutil.which(name, path=path) is None]
    if absent:
        return f"Slurm and munge are not installed ({', '.join(absent)}): apt install slurm-wlm munge"
    return None if os.geteuid() == 0 else "the daemons of Slurm want to be root"


class Cluster:
    """Daemons, started and stopped by whoever made this; both nodes are this host."""

    def __init__(self, folder: Path) -> None:
        """Write the configuration and start all daemons; RuntimeError where they do not come up."""
        self.folder = folder
        for name in ("state", "spool", "log"):
            (folder / name).mkdir(parents=True)
        # munged insists on folders that nobody else may write to, and on a socket whose path is open to all.
        folder.chmod(0o755)
        self._key, self._socket = folder / "munge.key", folder / "munge.socket"
        self._key.write_bytes(os.urandom(64))
        self._key.chmod(0o400)
        self.configuration = folder / "slurm.conf"
        self.configuration.write_text(self._text())
        self.binaries = self._clients()
        self.environment = {**os.environ, "PATH": f"{self.binaries}:{os.environ['PATH']}:/usr/sbin"}
        self.environment["SLURM_CONF"] = str(self.configuration)
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._start(
            "munged", "--foreground", "--force", f"--key-file={self._key}", f"--socket={self._socket}",
            f"--pid-file={folder / 'munge.pid'}", f"--log-file={folder / 'log' / 'munge'}",
            f"--seed-file={folder / 'munge.seed'}",
        )  # fmt: skip
        self._until(self._socket.exists, "munge answers")
        self._start("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        self._until(lambda: self.states() == dict.fromkeys(NODES, "idle"), "both nodes are idle")

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._start("slurmd", "-D", "-N", node, name=node)

    def kill_node(self, node: str) -> None:
        """Lose a node at once: its daemon, those of its steps, and all that its jobs started.

        The daemon of a step that saw its job end would tell the controller so; a node that loses power tells nothing.
        So all are stopped, daemons first, before any of them is killed.
        """
        daemon = self._daemons.pop(node)
        started = _of_node(node, self.folder)
        lost = [daemon.pid, *{parent for pid in started if _name(parent := _parent(pid)) == STEP}, *started]
        lost += [below for pid in lost for below in _descendants(pid)]
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for pid in dict.fromkeys(lost):
                _send(pid, sent)
        daemon.wait()

    def jobs(self) -> dict[str, dict[str, str]]:
        """What the controller knows of each job, ended ones too: key to value, by the job's id."""
        told = self.run("scontrol", "show", "job", "--oneliner").splitlines()
        found = [dict(word.partition("=")[::2] for word in line.split() if "=" in word) for line in told]
        return {job["JobId"]: job for job in found if "JobId" in job}

    def states(self) -> dict[str, str]:
        """State of each node, as sinfo says it."""
        told = self.run("sinfo", "--noheader", "--Node", "--format=%N %T")
        return dict(line.split() for line in told.splitlines() if len(line.split()) == 2)

    def run(self, *command: str) -> str:
        """What a command of Slurm prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout

    def stop(self) -> None:
        """End all daemons and what they started."""
        for node in [node for node in NODES if node in self._daemons]:
            self.kill_node(node)
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait()

    def _clients(self) -> Path:
        """A folder of commands of Slurm that know this cluster: jobs have no SLURM_CONF in their environment."""
        folder = self.folder / "bin"
        folder.mkdir()
        for name in CLIENTS:
            script = f'#!/bin/sh\nexport SLURM_CONF={self.configuration}\nexec {shutil.which(name)} "$@"\n'
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)
        return folder

    def _start(self, program: str, *arguments: str, name: str = "") -> None:
        name = name or program
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [program, *arguments], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            dead = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                told = (self.folder / "log" / f"{dead[0] if dead else 'slurmctld'}.out").read_text()[-2000:]
                self.stop()
                raise RuntimeError(f"not before {PATIENCE_S:g} s: {what}. {told}")
            time.sleep(0.2)

    def _text(self) -> str:
        host = socket.gethostname()
        node = f"NodeHostname={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={MEMORY_MB}"
        return f"""\
ClusterName=passline
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={FIRST_PORT}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self._socket}
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerNode={LITTLE_MB}
MinJobAge=3600
JobRequeue=0
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MessageTimeout=10
KillWait=2
StateSaveLocation={self.folder / "state"}
SlurmdSpoolDir={self.folder / "spool"}/%n
SlurmdPidFile={self.folder}/%n.pid
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmctldLogFile={self.folder / "log"}/slurmctld
SlurmdLogFile={self.folder / "log"}/%n
NodeName=node1 Port={FIRST_PORT + 1} {node}
NodeName=node2 Port={FIRST_PORT + 2} {node} Feature={FEATURE}
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
"""


def _of_node(node: str, folder: Path) -> set[int]:
    """Processes of the jobs on a node: their environment names it, and this cluster."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"SLURMD_NODENAME={node}\0".encode() in environment and str(folder).encode() in environment:
                found.add(int(entry.name))
    return found


def _descendants(pid: int) -> set[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {int(child) for child in children} | {below for child in children for below in _descendants(int(child))}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _send(pid: int, sent: signal.Signals) -> None:
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return
