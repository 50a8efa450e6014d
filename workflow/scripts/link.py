"""Link one compiler's objects, and describe the build."""

from collections.abc import Sequence
from pathlib import Path

from passline.build import describe, link, run
from passline.measure.spec import write_json
from passline.registry import load_isas
from passline.script import reporting


def main(
    compiler: str,
    cflags: Sequence[str],
    isas: Sequence[str],
    folders: Sequence[Path],
    objects: Sequence[Path],
    library: Path,
    build: Path,
    disassembly: Path,
) -> None:
    """Write the library, build.json and the disassembly."""
    link(compiler, cflags, objects, library)
    rows = load_isas()
    write_json(build, describe(compiler, cflags, {name: rows[name] for name in isas}, folders, objects, library))
    disassembly.write_text(run(["objdump", "-d", "--no-show-raw-insn", str(library)]), encoding="utf-8")


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            snakemake.wildcards.compiler,
            snakemake.params.cflags,
            snakemake.params.isas,
            [Path(path) for path in snakemake.params.folders],
            [Path(path) for path in snakemake.input.objects],
            Path(snakemake.output.library),
            Path(snakemake.output.build),
            Path(snakemake.output.disassembly),
        )
