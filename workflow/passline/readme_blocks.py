"""The generated blocks of documents. `python -m passline.readme_blocks` rewrites them; a test compares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from passline import artifact_blocks, front_blocks
from passline.algorithms import Step
from passline.registry import KERNELS, Study, load_isas, load_study, traffic

README = KERNELS / "README.md"


def traffic_block(study: Study) -> str:
    """The traffic of each algorithm and pass, in bytes per element, from the streams that the study declares."""
    lines = [
        "Bytes per element, from the streams that `study.yaml` declares. Write-allocate: an ordinary store to a line",
        "that the pass does not read fetches it first.",
        "",
        "| algorithm or pass | reads | writes | bytes | with write-allocate | flops |",
        "|---|---|---|---:|---:|---:|",
    ]
    for algorithm in study.algorithms.values():
        steps = [study.passes[name] for name in algorithm.passes]
        parts = [traffic(study.passes[s.pass_name], non_temporal=_non_temporal(study, s)) for s in algorithm.steps]
        plain = sum(read + written for read, written, _ in parts)
        flops = sum(step.flops_per_element for step in steps)
        lines.append(
            f"| **{algorithm.title}** | {sum(len(s.reads) for s in steps)} N | {sum(len(s.writes) for s in steps)} N "
            f"| {plain} | {plain + sum(part[2] for part in parts)} | {flops:g} |"
        )
        for step, (read, written, allocated) in zip(steps, parts, strict=True):
            lines.append(
                f"| `{step.name}` | {' '.join(step.reads) or '-'} | {' '.join(step.writes) or '-'} "
                f"| {read + written} | {read + written + allocated} | {step.flops_per_element:g} |"
            )
    return "\n".join(lines)


def _non_temporal(study: Study, step: Step) -> bool:
    """Whether all variants that may stand in a step store past the caches."""
    variants = [v for v in study.variants if v.pass_name == step.pass_name and step.admits(v.dimensions)]
    return bool(variants) and all(v.non_temporal for v in variants)


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """`text` with each block between the markers of its name; ValueError where a marker is missing."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, tail = text.index(begin) + len(begin), text.index(end)
        text = f"{text[:head]}\n{block}\n{text[tail:]}"
    return text


def documents() -> dict[Path, str]:
    """Each document with generated blocks, and its text as it must be."""
    isas = load_isas()
    blocks = {
        README: {"traffic": traffic_block(load_study(KERNELS / "softmax", isas))},
        front_blocks.FRONT: front_blocks.blocks(),
        artifact_blocks.ARTIFACT: artifact_blocks.blocks(isas),
    }
    return {path: with_blocks(path.read_text(encoding="utf-8"), mine) for path, mine in blocks.items()}


def main() -> None:
    """Rewrite the blocks."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
