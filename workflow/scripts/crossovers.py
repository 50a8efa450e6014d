"""Write table `crossovers`, and the choices as the library reads them."""

import json
from collections.abc import Sequence
from pathlib import Path

from passline.builds import load_builds
from passline.choices_text import text
from passline.choosing import crossover_rows
from passline.collect import collect
from passline.measure.spec import aside
from passline.script import reporting
from passline.tables import conform, write_table


def main(
    manifest: Path, blocks: Path, builds: Sequence[str], machine: str, session: str, table: Path, choices: Path
) -> None:
    """Choose from the rounds of the choosing step; nothing where nothing was asked for."""
    timings, _ = collect(manifest, machine, session)
    planned = json.loads(blocks.read_text(encoding="utf-8"))["blocks"]
    contenders = [c for block in planned for c in block["contenders"]]
    variants: dict[str, dict[tuple[str, str], list[str]]] = {}
    for contender in contenders:
        key = contender["key"]
        variants.setdefault(key["build_id"], {})[key["algorithm"], key["isa"]] = contender["variants"]
    found = conform("crossovers", crossover_rows(timings, variants))
    write_table("crossovers", found, table)
    aside(choices).write_text(text(found, load_builds(builds)[0]["build_id"]), encoding="utf-8")
    aside(choices).replace(choices)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params, source = snakemake.params, snakemake.input
        main(
            Path(source.manifest),
            Path(source.blocks),
            source.builds,
            params.machine,
            params.session,
            Path(snakemake.output.table),
            Path(snakemake.output.text),
        )
