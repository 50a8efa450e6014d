"""What this process may count, and what stands in its way: read, never changed."""

from __future__ import annotations

import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path

from passline.machine_sources import Tree

CAP_SYS_ADMIN, CAP_PERFMON = 21, 38  # numbers of capabilities(7)
PARANOID = "proc/sys/kernel/perf_event_paranoid"
_SECCOMP = {"0": "none", "1": "strict", "2": "filter"}


@dataclass(frozen=True)
class Rights:
    """None where a fact could not be read."""

    paranoid: int | None  # kernel.perf_event_paranoid; None: a kernel without perf events
    euid: int
    capabilities: tuple[str, ...]  # those that count here: perfmon, sys_admin
    seccomp: str | None  # none, strict or filter
    container: str | None  # docker, podman, systemd-nspawn, ... or None
    open_files: int  # limit of descriptors


def rights(root: Path = Path("/")) -> Rights:
    """The rights of this process, as /proc below `root` tells them."""
    tree = Tree(root)
    status = tree.text("proc/self/status") or ""
    mask = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    bits = int(mask.group(1), 16) if mask else 0
    mode = re.search(r"^Seccomp:\s*(\d)", status, re.MULTILINE)
    names = (("perfmon", CAP_PERFMON), ("sys_admin", CAP_SYS_ADMIN))
    return Rights(
        tree.integer(PARANOID),
        os.geteuid(),
        tuple(name for name, bit in names if bits >> bit & 1),
        _SECCOMP.get(mode.group(1)) if mode else None,
        container(tree),
        resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


def container(tree: Tree) -> str | None:
    """The container engine around this process, by the marks it leaves."""
    if tree.text(".dockerenv") is not None:
        return "docker"
    if tree.text("run/.containerenv") is not None:
        return "podman"
    name = re.search(r"(?:^|\0)container=([^\0]+)", tree.text("proc/1/environ") or "")
    return name.group(1) if name else None
