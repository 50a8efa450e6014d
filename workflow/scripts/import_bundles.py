"""Import bundles in one job: archives, folders of them, and what machines of a cluster sent. No others stay."""

from collections.abc import Sequence
from pathlib import Path

from passline.bundle_import import archives
from passline.cluster import sent
from passline.errors import BundleError
from passline.fleet_import import import_fleet
from passline.measure.spec import write_json
from passline.script import reporting


def main(bundles: Sequence[str], machines: Path, out: Path, processes: int = 1) -> None:
    """Verify and unpack; write which were imported and which refused. BundleError where none is sound."""
    paths, reasons = [], []
    for path in map(Path, bundles):
        told = sent(path) if path.suffix == ".json" else {"ok": True, "bundle": path.name}
        if told["ok"]:
            paths.append(path.with_name(told["bundle"]))
        else:
            reasons.append([told["label"], told["reason"]])
    found = import_fleet(list(archives(paths)), machines, processes)
    found["refused"] = reasons + found["refused"]
    for name, reason in found["refused"]:
        print(f"{name}: {reason}")
    if not found["imported"]:
        raise BundleError(" ".join(bundles), "no bundle is sound", "See above why each was refused")
    write_json(out, found)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        given = snakemake.input.bundles
        main(
            [given] if isinstance(given, str) else given,
            Path(snakemake.output.machines),
            Path(snakemake.output.imported),
            snakemake.threads,
        )
