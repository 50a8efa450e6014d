"""Bundles of machines that do not exist, derived from one that does: to see a fleet of a thousand. All say so.

`python tests/fleet_maker.py SESSION FOLDER COUNT`, where SESSION is a bundle, or a folder of reports/published. They
hold as many files as a session does, so that importing them costs what importing real ones does.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
import tarfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from passline import bundle
from passline.claims import HOLDS, HOLDS_NOT, NOT_REPRODUCED, NOT_THIS_MACHINE, RATIO_UNIT, REPRODUCED
from passline.registry import KERNELS, sha256
from passline.statistics import FASTER, SLOWER, UNDECIDED
from passline.tables import header

MADE_UP = "made-up"
# And whether they have AVX-512: of the others no row is of it.
MICROARCHITECTURES = {
    "zen2": False, "zen3": False, "zen4": True, "zen5": True, "skylake-x": True, "ice-lake-sp": True,
    "sapphire-rapids": True, "broadwell": False, "cascade-lake": True, "haswell": False,
}  # fmt: skip
COMPILERS = ("gcc (made up) 12.2.0", "gcc (made up) 12.2.0", "gcc (made up) 13.2.0", "gcc (made up) 14.1.0")
TWICE = 40  # each so many, a machine is its predecessor under another label
AVX512 = "avx512f"
_RATIOS = ["ratio", "ratio_low", "ratio_high"]
_VALUES = ["our_value", "low", "high"]
_NUMBERS = (*_RATIOS, *_VALUES, "fraction_of_ceiling", "bandwidth_bytes_per_s")
_REPEATED = ("machine", "session", "study", "measurement")  # of the plan, in the manifest
_CHANGED = ("ratios", "passes", "claims", "machines")
_BENCHMARKS, _SWEEPS, _DISASSEMBLY = 24, 16, 3_500_000  # of a round, of a benchmark; bytes
_OTHER_ROUNDS = {"ceilings": 66, "tuning": 66, "choosing": 138, "selftest": 199}  # of the default session's other steps


def session(published: Path) -> bundle.Bundle:
    """What a real session's bundle holds, from a published one: its tables and plan, and made-up files for the rest.

    There are as many rounds as its table `rounds` says, and as many values in them as a session takes.
    """
    rng = np.random.default_rng(1)
    plan = json.loads((published / "plan.json").read_text()) | {"made_up": True}
    files = {f"tables/{path.name}": path.read_bytes() for path in sorted((published / "tables").glob("*.csv"))}
    rounds = pd.read_csv(io.BytesIO(files["tables/rounds.csv"]), skiprows=1)
    timings, label = ["# passline table timings, made up"], f"{plan['machine']},{plan['session']},{plan['study']}"
    for place, row in enumerate(rounds.to_dict("records")):
        times = _times(rng)
        files[f"raw/times/{row['block']}/round-{place:03d}.json"] = _round(row, times)
        timings += [
            f"{label},{row['block']},{row['round']},{one},{value},64,False,{times[one, value]:.9g}"
            for one, value in np.ndindex(times.shape)
        ]
    for step, count in _OTHER_ROUNDS.items():
        for place in range(count):
            times = _times(rng)
            files[f"raw/{step}/made-up/round-{place:03d}.json"] = _round({"round": place}, times)
    described = dict(
        line.split(",")[1:3] for line in files["tables/machines.csv"].decode().splitlines()[2:] if '"' not in line
    )
    config = yaml.safe_load((KERNELS.parent / "workflow/config/default.yaml").read_text())
    # Lines of code differ in little, so that they pack as well as real ones do.
    codes = rng.choice(["vaddps", "vmulps", "vfmadd231ps", "vmovups", "vmaxps"], 64)
    line = "  {0:6x}:\t62 f1 {1:02x} 48\t{2} zmm{3},zmm{4},ZMMWORD PTR [rdi+{0:#x}]"
    numbers = rng.integers(0, 32, (_DISASSEMBLY // 60, 3))
    disassembly = "\n".join(line.format(64 * i, a + b, codes[a], b, c) for i, (a, b, c) in enumerate(numbers.tolist()))
    build = {
        **next(one for one in plan["builds"] if one["build_id"] == plan["primary_build_id"]),
        "architecture": "x86_64",
        "isas": {"avx2": ["-mavx2", "-mfma"], AVX512: ["-mavx512f"]},
        "sources": {path.name: sha256(path) for path in sorted(KERNELS.glob("softmax/*.c"))},
    }
    files |= {
        "plan.json": json.dumps(plan).encode(),
        "config.json": json.dumps(config).encode(),
        "machine.json": json.dumps(described).encode(),
        "tables/timings.csv": "\n".join(timings).encode(),
        "build/gcc/build.json": json.dumps(build).encode(),
        "build/gcc/disassembly.txt": disassembly.encode(),
    }
    builds = [one["build_id"] for one in plan["builds"]]
    return bundle.Bundle(sealed({"format": bundle.FORMAT, "passline": MADE_UP, "builds": builds}, files), files)


def _times(rng: np.random.Generator) -> np.ndarray:
    """Seconds of each benchmark and sweep in whole nanoseconds, as clocks give them: they pack as well as real ones."""
    return np.round(rng.lognormal(-9, 2, (_BENCHMARKS, 1)) * rng.normal(1, 0.01, (_BENCHMARKS, _SWEEPS)), 9)


def _round(row: Mapping[str, object], times: np.ndarray) -> bytes:
    """A file as pyperf writes it."""
    benchmarks = [
        {
            "metadata": {"loops": 64, "name": f"gcc made-up-{place}", "passline_contender": place},
            "runs": [{"values": values, "warmups": [[4, values[0]]]}],
        }
        for place, values in enumerate(times.tolist())
    ]
    told = json.dumps({key: str(value) for key, value in row.items()})
    document = {"benchmarks": benchmarks, "metadata": {"passline_round": told, "unit": "second"}, "version": "1.0"}
    return json.dumps(document, separators=(",", ":")).encode()


def derived(real: bundle.Bundle, number: int) -> tuple[dict[str, object], dict[str, bytes]]:
    """Manifest and files of made-up machine `number`: names, ratios, fractions and claims moved, all by its number."""
    rng = np.random.default_rng(number)
    label = f"{MADE_UP}-{number:04d}"
    kinds = list(MICROARCHITECTURES)
    kind = kinds[number % len(kinds)]
    own = np.random.default_rng(kinds.index(kind)).standard_normal(2)  # what its microarchitecture does
    tables = {name: _table(real, name) for name in _CHANGED}
    if not MICROARCHITECTURES[kind]:
        for name in ("ratios", "passes"):
            tables[name] = tables[name][tables[name]["isa"] != AVX512].reset_index(drop=True)
    gain = 1.0 + 0.06 * own[0] + 0.02 * rng.standard_normal()
    _move_ratios(tables["ratios"], gain, rng)
    passes = tables["passes"]
    lost = 0.08 * abs(own[1]) + 0.05 * rng.random(len(passes))
    for column in ("fraction_of_ceiling", "bandwidth_bytes_per_s"):
        passes[column] *= 1.0 - lost
    _move_claims(tables["claims"], gain, kind, rng)
    host = number - (number % TWICE == TWICE - 1)
    facts = {
        "model_name": f"Made-up CPU {number}",
        "microarchitecture": kind,
        "cores": str(2 + number % 63),
        "machine_id_hash": f"{MADE_UP}-{host}",
    }
    for key, value in facts.items():
        tables["machines"].loc[tables["machines"]["key"] == key, "value"] = value
    for frame in tables.values():
        if "machine" in frame:
            frame["machine"] = label
    plan = json.loads(real.files["plan.json"]) | {"machine": label, "made_up": True}
    files = dict(real.files)
    for path in files:
        if path.endswith("build.json"):
            build = json.loads(files[path]) | {"version": COMPILERS[number % len(COMPILERS)]}
            files[path] = json.dumps(build).encode()
    files |= {f"tables/{name}.csv": _text(name, frame) for name, frame in tables.items()}
    files["plan.json"] = json.dumps(plan).encode()
    return sealed(real.manifest, files), files


def sealed(manifest: Mapping[str, object], files: Mapping[str, bytes]) -> dict[str, object]:
    """The manifest of a bundle with these files, which says what their plan says."""
    plan = json.loads(files["plan.json"])
    told = {key: plan[key] for key in (*_REPEATED, "made_up")}
    return bundle.signed({**manifest, **told, **bundle.described(files)})


def _move_ratios(ratios: pd.DataFrame, gain: float, rng: np.random.Generator) -> None:
    moved = gain * rng.normal(1.0, 0.01, len(ratios))
    for column in _RATIOS:
        ratios[column] *= moved
    ratios["verdict"] = np.select([ratios["ratio_low"] > 1, ratios["ratio_high"] < 1], [FASTER, SLOWER], UNDECIDED)
    ratios["verdict_unmarked"] = ratios["verdict"]
    if rng.random() < 0.3:
        ratios["n_marked"] = rng.integers(0, 5, len(ratios))
        other = (ratios["n_marked"] == 4) & (rng.random(len(ratios)) < 0.2)
        ratios.loc[other, "verdict_unmarked"] = UNDECIDED


def _move_claims(claims: pd.DataFrame, gain: float, kind: str, rng: np.random.Generator) -> None:
    ratio = claims["unit"] == RATIO_UNIT
    for column in _VALUES:
        claims[column] = claims[column].where(~ratio, claims[column] * gain)
    verdicts = np.select([claims["low"] > 1, claims["high"] < 1], [HOLDS, HOLDS_NOT], UNDECIDED)
    claims["verdict_here"] = claims["verdict_here"].where(~ratio, verdicts)
    memory = claims["claim"] == "memory_bound"
    claims.loc[memory, "verdict_here"] = str(rng.choice([HOLDS, HOLDS_NOT, UNDECIDED]))
    claims.loc[memory, _VALUES] = (1.0 + 0.3 * rng.random()) * np.array([1.0, 0.98, 1.02])
    lacks = (claims["isa"] == AVX512) & ratio & (not MICROARCHITECTURES[kind])
    claims.loc[lacks, _VALUES] = np.nan
    claims.loc[lacks, "verdict_here"] = UNDECIDED
    if not MICROARCHITECTURES[kind]:
        claims["isa"] = claims["isa"].where(lacks | (claims["isa"] != AVX512), "avx2")
    of_paper = claims["scope"].str.contains(rf"\b{kind}\b|any", regex=True)
    again = claims["verdict_here"].map({HOLDS: REPRODUCED, HOLDS_NOT: NOT_REPRODUCED, UNDECIDED: UNDECIDED})
    claims["verdict_paper_machine"] = again.where(of_paper, NOT_THIS_MACHINE)


def make(real: bundle.Bundle, folder: Path, count: int) -> None:
    """Write so many made-up bundles."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        manifest, files = derived(real, number)
        target = folder / f"{manifest['machine']}{bundle.SUFFIX}"
        target.write_bytes(_packed(manifest, files, real.files))


def _packed(manifest: Mapping[str, object], files: Mapping[str, bytes], shared: Mapping[str, bytes]) -> bytes:
    """An archive as bundle.pack writes it; what all machines share is compressed once, as blocks of its one stream."""
    parts = [_part(((bundle.MANIFEST, json.dumps(manifest).encode()),))]
    for common, group in groupby(sorted(files), lambda path: files[path] is shared.get(path)):
        members = tuple((path, files[path]) for path in group)
        parts.append(_shared(members) if common else _part(members))
    return _one_stream([*parts, lzma.compress(bytes(2 * tarfile.BLOCKSIZE))])


def _part(members: tuple[tuple[str, bytes], ...]) -> bytes:
    written = io.BytesIO()
    for path, content in members:
        member = tarfile.TarInfo(path)
        member.size = len(content)
        written.write(member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE))
    return lzma.compress(written.getvalue(), preset=1)


def _one_stream(streams: list[bytes]) -> bytes:
    """The blocks of several xz streams as one stream, with an index of all (The .xz File Format, 1.2)."""
    header, footer = 12, 12
    blocks, records, count = [], [], 0
    for stream in streams:
        index = 4 * (int.from_bytes(stream[-8:-4], "little") + 1)
        blocks.append(stream[header : -footer - index])
        record = stream[-footer - index + 2 : -footer - 4]  # after the indicator and the number of records, here 1
        ends = [place for place, byte in enumerate(record) if byte < 0x80][1]  # two numbers, seven bits a byte
        records.append(record[: ends + 1])
        count += 1
    index = bytes([0, count]) + b"".join(records)
    index += bytes(-len(index) % 4)
    index += zlib.crc32(index).to_bytes(4, "little")
    end = (len(index) // 4 - 1).to_bytes(4, "little") + streams[0][6:8]
    return streams[0][:header] + b"".join(blocks) + index + zlib.crc32(end).to_bytes(4, "little") + end + b"YZ"


_shared = lru_cache(maxsize=None)(_part)


def _table(real: bundle.Bundle, name: str) -> pd.DataFrame:
    text = real.files[f"tables/{name}.csv"].decode()
    return pd.read_csv(io.StringIO(text), skiprows=1, keep_default_na=False, na_values={c: [""] for c in _NUMBERS})


def _text(name: str, frame: pd.DataFrame) -> bytes:
    return f"{header(name)}\n{frame.to_csv(index=False, lineterminator=chr(10))}".encode()


if __name__ == "__main__":
    source = Path(sys.argv[1])
    make(session(source) if source.is_dir() else bundle.read(source), Path(sys.argv[2]), int(sys.argv[3]))
