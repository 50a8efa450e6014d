"""Import bundles in one job."""

from collections.abc import Sequence
from pathlib import Path

from passline.bundle_import import archives, import_all
from passline.errors import BundleError
from passline.fleet import folders
from passline.measure.spec import write_json
from passline.script import reporting


def main(bundles: Sequence[str], fleet: Path, out: Path) -> None:
    """Verify and unpack; write which are there and which were refused. BundleError where none is sound."""
    _, _, refused = import_all(archives(map(Path, bundles)), fleet)
    for error in refused:
        print(error)
    there = [path.name for path in folders(fleet)]
    if not there:
        raise BundleError(" ".join(bundles), "no bundle is sound", "See above why each was refused")
    write_json(out, {"imported": there, "refused": [str(error) for error in refused]})


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        given = snakemake.input.bundles
        main([given] if isinstance(given, str) else given, Path(snakemake.params.fleet), Path(snakemake.output[0]))
