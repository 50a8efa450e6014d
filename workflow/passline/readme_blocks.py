"""The generated block of kernels/README.md. `python -m passline.readme_blocks` rewrites it; a test compares it."""

from __future__ import annotations

from pathlib import Path

from passline.registry import KERNELS, Study, load_isas, load_study, traffic

README = KERNELS / "README.md"
BEGIN, END = "<!-- traffic: begin -->", "<!-- traffic: end -->"


def traffic_block(study: Study) -> str:
    """The traffic of each algorithm and pass, in bytes per element, from the streams that the study declares."""
    lines = [
        "Bytes per element, from the streams that `study.yaml` declares. Write-allocate: an ordinary store to a line",
        "that the pass does not read fetches it first.",
        "",
        "| algorithm or pass | reads | writes | bytes | with write-allocate | flops |",
        "|---|---|---|---:|---:|---:|",
    ]
    ordinary = {variant.pass_name for variant in study.variants if not variant.non_temporal}
    streaming = study.passes.keys() - ordinary
    for algorithm in study.algorithms.values():
        steps = [study.passes[name] for name in algorithm.passes]
        parts = [traffic(step, non_temporal=step.name in streaming) for step in steps]
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


def with_block(text: str, block: str) -> str:
    """`text` with the block between its markers; ValueError where a marker is missing."""
    head, tail = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:head]}\n{block}\n{text[tail:]}"


def main(path: Path = README) -> None:
    """Rewrite the block."""
    block = traffic_block(load_study(KERNELS / "softmax", load_isas()))
    path.write_text(with_block(path.read_text(encoding="utf-8"), block), encoding="utf-8")


if __name__ == "__main__":
    main()
