"""A small library of ceiling loops, and children of this process that may not count."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from built_kernels import Built, link

from passline.registry import KERNELS, Isa, load_study

PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}.get(platform.machine(), 0)
CAP_PERFMON = 38
NOBODY = 65534
_LIBC = ctypes.CDLL(None, use_errno=True)


def ceilings(compiler: str, host_isas: Mapping[str, Isa], folder: Path) -> Built:
    """The read and fill loops of the host's widest instruction set."""
    widest = list(host_isas)[-1]
    study = load_study(KERNELS / "ceilings", {widest: host_isas[widest]})
    few = tuple(v for v in study.variants if v.pass_name in ("read", "fill"))
    return link(compiler, replace(study, variants=few), {widest: host_isas[widest]}, {}, folder)


def in_child(restrict: Callable[[], None], ask: Callable[[], Any]) -> Any:
    """Fork, restrict the child, and return what `ask` answers there, as JSON."""
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child only computes, writes and leaves
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            restrict()
            os.write(write_end, json.dumps(ask()).encode())
            status = 0
        except BaseException as error:  # whatever it is, it must not go up into pytest twice
            os.write(write_end, json.dumps({"error": repr(error)}).encode())
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(pid, 0)
    assert not (isinstance(answer, dict) and "error" in answer), answer
    return answer


def become_nobody() -> None:
    """Give up every privilege."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def become_nobody_with_perfmon() -> None:
    """Give up every privilege but CAP_PERFMON (capabilities(7))."""
    keep_capabilities = 8  # PR_SET_KEEPCAPS
    _checked(_LIBC.prctl(keep_capabilities, 1, 0, 0, 0))
    become_nobody()
    header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    low, high = (1 << CAP_PERFMON) & 0xFFFFFFFF, (1 << CAP_PERFMON) >> 32
    data = struct.pack("IIIIII", low, low, 0, high, high, 0)
    _checked(_LIBC.capset(header, data))


def forbid_by_seccomp(number: int) -> Callable[[], None]:
    """A seccomp filter that answers perf_event_open with an errno, as container engines install it."""

    def instruction(code: int, true: int, false: int, value: int) -> bytes:
        return struct.pack("HBBI", code, true, false, value)

    load_word, jump_if_equal, answer = 0x20, 0x15, 0x06
    program = (
        instruction(load_word, 0, 0, 0)  # seccomp_data.nr
        + instruction(jump_if_equal, 0, 1, PERF_EVENT_OPEN)
        + instruction(answer, 0, 0, 0x00050000 | number)  # SECCOMP_RET_ERRNO
        + instruction(answer, 0, 0, 0x7FFF0000)  # SECCOMP_RET_ALLOW
    )

    def restrict() -> None:
        buffer = ctypes.create_string_buffer(program, len(program))
        described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
        no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
        _checked(_LIBC.prctl(no_new_privileges, 1, 0, 0, 0))
        _checked(_LIBC.prctl(set_seccomp, filter_mode, described, 0, 0))

    return restrict


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
