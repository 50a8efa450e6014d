"""Take all rounds of one measuring step."""

import json
from pathlib import Path

from passline.measure.library import Library
from passline.measure.session import Host, run
from passline.measure.spec import write_json
from passline.script import reporting


def main(step: str, blocks: Path, out: Path) -> None:
    """Write the manifest of the step's rounds, with the cost of reading the clock."""
    document = json.loads(blocks.read_text(encoding="utf-8"))
    host = Host(**document["host"])
    library = Library(Path(next(iter(host.libraries.values()))))
    manifest = run(step, document["blocks"], document["code"], out.parent, host)
    keys = {block["name"]: [c["key"] for c in block["contenders"]] for block in document["blocks"]}
    write_json(
        out,
        {
            "clock_cost_s": library.clock_cost_s(),
            "blocks": manifest,
            "keys": keys,
            "variants": {block["name"]: [c["variants"] for c in block["contenders"]] for block in document["blocks"]},
        },
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(snakemake.wildcards.step, Path(snakemake.input.blocks), Path(snakemake.output[0]))
