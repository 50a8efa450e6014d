"""A library of kernels built for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from passline import build
from passline.measure.library import Library
from passline.registry import Isa, Study

CFLAGS = ("-O2",)


@dataclass(frozen=True)
class Built:
    """A library and the variants it holds; `study.variants` are exactly these."""

    path: Path
    study: Study
    isas: dict[str, Isa]

    def load(self) -> Library:
        """The library, loaded into this process."""
        return Library(self.path)


def link(compiler: str, study: Study, isas: dict[str, Isa], sources: dict[str, Path], folder: Path) -> Built:
    """Compile the study's variants, some from a source of their own, and link them."""
    objects = []
    for variant in study.variants:
        source = sources.get(variant.name, study.passes[variant.pass_name].source)
        objects.append(folder / f"{variant.name}.o")
        build.run(build.compile_command(compiler, CFLAGS, isas[variant.isa], variant, source, objects[-1]))
    build.link(compiler, CFLAGS, objects, folder / "libpassline.so")
    return Built(folder / "libpassline.so", study, isas)
