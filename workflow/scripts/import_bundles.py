"""Import bundles in one job: archives, folders of them, and what machines of a cluster sent."""

from collections.abc import Sequence
from pathlib import Path

from passline.bundle_import import archives, import_all
from passline.cluster import sent
from passline.errors import BundleError
from passline.fleet import folders
from passline.measure.spec import write_json
from passline.script import reporting


def main(bundles: Sequence[str], fleet: Path, out: Path) -> None:
    """Verify and unpack; write which are there and which were refused. BundleError where none is sound."""
    paths, reasons = [], []
    for path in map(Path, bundles):
        told = sent(path) if path.suffix == ".json" else {"ok": True, "bundle": path.name}
        if told["ok"]:
            paths.append(path.with_name(told["bundle"]))
        else:
            reasons.append(f"{told['label']}: {told['reason']}")
    _, _, refused = import_all(archives(paths), fleet)
    reasons += map(str, refused)
    print(*reasons, sep="\n")
    there = [path.name for path in folders(fleet)]
    if not there:
        raise BundleError(" ".join(bundles), "no bundle is sound", "See above why each was refused")
    write_json(out, {"imported": there, "refused": reasons})


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        given = snakemake.input.bundles
        main([given] if isinstance(given, str) else given, Path(snakemake.params.fleet), Path(snakemake.output[0]))
