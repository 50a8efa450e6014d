"""Bundles of machines that do not exist, derived from one that does: to see a fleet of a thousand. All say so.

`python tests/fleet_maker.py BUNDLE FOLDER COUNT`
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from passline import bundle
from passline.tables import header

MADE_UP = "made-up"
MICROARCHITECTURES = ("zen2", "zen3", "zen4", "zen5", "skylake-x", "ice-lake-sp", "sapphire-rapids", "neoverse-v2")
_SPREAD = 0.05  # of the ratios and fractions, between machines
_RATIOS = ["ratio", "ratio_low", "ratio_high"]


def derived(real: bundle.Bundle, number: int) -> tuple[dict[str, object], dict[str, bytes]]:
    """Manifest and files of made-up machine `number`: names, ratios and fractions moved, all by its number."""
    rng = np.random.default_rng(number)
    label = f"{MADE_UP}-{number:04d}"
    microarchitecture = MICROARCHITECTURES[number % len(MICROARCHITECTURES)]
    tables = {name: _table(real, name) for name in ("ratios", "passes", "claims", "machines")}
    tables["ratios"][_RATIOS] *= 1.0 + _SPREAD * rng.standard_normal()
    tables["passes"]["fraction_of_ceiling"] *= 1.0 - _SPREAD * rng.random()
    facts = {
        "model_name": f"Made-up CPU {number}",
        "microarchitecture": microarchitecture,
        "cores": str(2 + number % 63),
    }
    for key, value in facts.items():
        tables["machines"].loc[tables["machines"]["key"] == key, "value"] = value
    for frame in tables.values():
        if "machine" in frame:
            frame["machine"] = label
    plan = json.loads(real.files["plan.json"]) | {"machine": label, "made_up": True}
    files = {f"tables/{name}.csv": _text(name, frame) for name, frame in tables.items()}
    files |= {"plan.json": json.dumps(plan).encode(), "machine.json": real.files["machine.json"]}
    manifest = {**real.manifest, "machine": label, "made_up": True, **bundle.described(files)}
    return bundle.signed(manifest), files


def make(real: Path, folder: Path, count: int) -> None:
    """Write so many made-up bundles."""
    source = bundle.read(real)
    for number in range(count):
        manifest, files = derived(source, number)
        bundle.pack(manifest, files, folder / f"{manifest['machine']}{bundle.SUFFIX}")


def _table(real: bundle.Bundle, name: str) -> pd.DataFrame:
    text = real.files[f"tables/{name}.csv"].decode()
    return pd.read_csv(io.StringIO(text), skiprows=1, keep_default_na=False, na_values={c: [""] for c in _NUMBERS})


_NUMBERS = (*_RATIOS, "fraction_of_ceiling")


def _text(name: str, frame: pd.DataFrame) -> bytes:
    return f"{header(name)}\n{frame.to_csv(index=False, lineterminator=chr(10))}".encode()


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
