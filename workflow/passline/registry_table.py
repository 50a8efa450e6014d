"""The registry as a table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from passline.registry import Isa, Study, sha256, traffic


def registry_rows(study: Study, isas: Mapping[str, Isa], build_id: str) -> pd.DataFrame:
    """Rows of table `registry`, one per variant."""
    hashes = {name: sha256(step.source) for name, step in study.passes.items()}
    rows = []
    for variant in study.variants:
        step = study.passes[variant.pass_name]
        read, written, allocated = traffic(step, non_temporal=variant.non_temporal)
        rows.append(
            {
                "build_id": build_id,
                "study": study.name,
                "pass": step.name,
                "isa": variant.isa,
                "variant": variant.name,
                "dimensions": " ".join(f"{name}={value}" for name, value in variant.dimensions.items()),
                "preset": variant.preset,
                "reads": " ".join(step.reads) or "-",
                "writes": " ".join(step.writes) or "-",
                "in_place": step.in_place,
                "flops_per_element": step.flops_per_element,
                "bytes_read_per_element": read,
                "bytes_written_per_element": written,
                "bytes_write_allocate_per_element": allocated,
                "lanes": variant.lanes,
                "cflags": " ".join(isas[variant.isa].cflags),
                "max_ulp": step.bound_ulp(variant.isa),
                "source": step.source.name,
                "source_sha256": hashes[step.name],
            }
        )
    return pd.DataFrame(rows)
