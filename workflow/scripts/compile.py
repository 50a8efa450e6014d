"""Compile every variant of one pass for one ISA."""

from collections.abc import Sequence
from pathlib import Path

from passline.build import compile_pass
from passline.registry import load_isas, load_study
from passline.script import reporting


def main(compiler: str, cflags: Sequence[str], study: Path, pass_name: str, isa: str, grid: str, out: Path) -> None:
    """Write the object; `study` is its folder."""
    isas = load_isas()
    compile_pass(compiler, cflags, load_study(study, {isa: isas[isa]}, grid), pass_name, isas[isa], out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        words = snakemake.wildcards
        main(
            words.compiler,
            snakemake.params.cflags,
            Path(snakemake.params.folder),
            words["pass"],
            words.isa,
            snakemake.params.grid,
            Path(snakemake.output[0]),
        )
