"""Run a whole session on this node, and send its bundle: beside the output, which says how it ended."""

import subprocess
import sys
from pathlib import Path

from passline import bundle
from passline.cluster import check_whole, results_of
from passline.errors import BundleError, MachineError
from passline.machine import detect
from passline.machine_sources import Tree, isolated_cpus
from passline.measure.spec import write_json
from passline.script import reporting

LAST = 20  # lines of a session's output that are told where it fails


def main(label: str, session: str, folder: Path, log: Path, out: Path) -> None:
    """A session that ends badly is an answer, not a failure of the job: it would fail again."""
    log.parent.mkdir(parents=True, exist_ok=True)
    told = {"label": label, "ok": False, "bundle": "", "reason": "-"}
    try:
        check_whole(label, detect(), isolated_cpus(Tree(Path("/"))))
    except MachineError as error:
        log.write_text(f"{error}\n", encoding="utf-8")
        write_json(out, told | {"reason": str(error)})
        return
    command = [sys.executable, "-m", "snakemake", "--configfile", session, "--config", f"machine={label}"]
    with log.open("w", encoding="utf-8") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    lines = log.read_text(encoding="utf-8").splitlines()
    if status == 0:
        try:
            packed = bundle.write(results_of(label, Path(session)), folder / f"{label}{bundle.SUFFIX}")
            told |= {"ok": True, "bundle": packed.name}
        except BundleError as error:
            told["reason"] = str(error)
    else:
        told["reason"] = f"its session ended with status {status}, see {log}: {' / '.join(lines[-LAST:])}"
    write_json(out, told)


if __name__ == "__main__":
    with reporting(snakemake.log[0] + ".error"):
        main(
            snakemake.wildcards.label,
            snakemake.input.session,
            Path(snakemake.params.fleet),
            Path(snakemake.log[0]),
            Path(snakemake.output[0]),
        )
