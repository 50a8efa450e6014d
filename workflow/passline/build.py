"""From C files to libpassline.so: one object per pass and ISA, holding all of its variants."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from passline.errors import BuildError
from passline.registry import KERNELS, Isa, Study, Variant, sha256

BASE_FLAGS = ("-std=c11", "-fPIC", "-Wall", "-Wextra")


def run(command: Sequence[str]) -> str:
    """Run a tool; return what it prints. BuildError shows the command and what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as cause:
        raise BuildError(
            command[0], "the tool was not found on the PATH", "Install binutils and a C compiler"
        ) from cause
    if done.returncode:
        said = "\n".join("    " + line for line in (done.stderr or done.stdout).strip().splitlines()[:30])
        raise BuildError(
            shlex.join(command),
            f"ended with status {done.returncode}:\n{said}\n",
            "Correct the source or the flags",
        )
    return done.stdout


def compile_command(
    compiler: str, cflags: Sequence[str], isa: Isa, variant: Variant, source: Path, out: Path
) -> list[str]:
    """The command that compiles one variant."""
    return [
        compiler,
        *cflags,
        *BASE_FLAGS,
        *isa.cflags,
        f"-I{KERNELS}",
        f'-DPASSLINE_NAME="{variant.name}"',
        f"-DPASSLINE_SYMBOL={variant.symbol}",
        f'-DPASSLINE_ISA_HEADER="simd/{isa.header}"',
        *variant.macros,
        "-c",
        str(source),
        "-o",
        str(out),
    ]


def compile_pass(compiler: str, cflags: Sequence[str], study: Study, pass_name: str, isa: Isa, out: Path) -> None:
    """Compile every variant of a pass for an ISA and combine them into the one object `out`."""
    source = study.passes[pass_name].source
    with tempfile.TemporaryDirectory(prefix="passline-") as folder:
        objects = []
        for variant in study.variants_of(pass_name, isa.name):
            objects.append(str(Path(folder) / f"{variant.name}.o"))
            run(compile_command(compiler, cflags, isa, variant, source, Path(objects[-1])))
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = out.with_name(f".{out.name}")
        run(["ld", "-r", "-o", str(aside), *objects])
        aside.replace(out)


def link(compiler: str, cflags: Sequence[str], objects: Sequence[Path], out: Path) -> None:
    """Link the objects and the runtime into the shared library `out`."""
    runtime = sorted((KERNELS / "runtime").glob("*.c"))
    aside = out.with_name(f".{out.name}")
    run(
        [
            compiler,
            *cflags,
            *BASE_FLAGS,
            f"-I{KERNELS}",
            "-shared",
            "-pthread",
            *map(str, runtime),
            *map(str, objects),
            "-o",
            str(aside),
            "-lm",
        ]
    )
    aside.replace(out)


def describe(
    compiler: str,
    cflags: Sequence[str],
    isas: Mapping[str, Isa],
    folders: Iterable[Path],
    objects: Sequence[Path],
    library: Path,
) -> dict[str, Any]:
    """What build.json holds: compiler, flags, and hashes of sources, objects and library.

    Sources are those of the `folders` of the studies, and what passes are written with.

    `build_id` is a hash of the compiler's version, the flags and the sources: two machines with the same
    compiler and checkout have the same.
    """
    everywhere = {*folders, KERNELS, KERNELS / "runtime", KERNELS / "simd"}
    sources = sorted(path for f in everywhere for path in f.iterdir() if path.suffix in (".c", ".h", ".yaml"))
    hashes = {str(path.relative_to(_root(path))): sha256(path) for path in sources}
    identity: dict[str, Any] = {
        "compiler": compiler,
        "version": run([compiler, "--version"]).splitlines()[0],
        "cflags": [*cflags, *BASE_FLAGS],
        "isas": {name: list(isa.cflags) for name, isa in isas.items()},
        "architecture": platform.machine(),
        "sources": hashes,
    }
    build_id = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    return {
        "build_id": build_id,
        **identity,
        "objects": {path.stem: sha256(path) for path in objects},
        "library_sha256": sha256(library),
    }


def _root(path: Path) -> Path:
    """What the name of a source is relative to: kernels, or the folder that a study elsewhere lies in."""
    return KERNELS if path.is_relative_to(KERNELS) else path.parents[1]
