"""The report's tables: each a head and rows of finished text, computed from tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.claims import CEILING_UNIT
from passline.derive import selection
from passline.derive.rounds import CEILINGS, length_of, streams
from passline.errors import ReportError
from passline.titles import algorithm_title, base_kind, isa_title, pass_order, question_words, shown_variant

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]
ReportTable = dict[str, Any]
"""`head`: column titles; `rows`: lists of texts of the same length."""

LONG_FACTS = ("cpu_flags", "machine_id_hash")
"""Facts for tables/machines.csv that say nothing to a reader of the report."""


def table(head: list[str], rows: list[list[str]]) -> ReportTable:
    """A table whose rows have as many cells as its head."""
    for row in rows:
        if len(row) != len(head):
            raise ReportError(
                "report table", f"row {row!r} has {len(row)} cells, the head {len(head)}", "Correct report_tables.py"
            )
    return {"head": head, "rows": rows}


def verdicts(frame: pd.DataFrame, plan: Plan) -> ReportTable:
    """One row per claim: both verdicts and the measured value, for presets and for the tuned choice."""
    rows = []
    for _, mine in _published_first(frame).groupby("claim", sort=False):
        by_variant = mine.set_index("variant")
        cells = [_both(by_variant[column], plan) for column in ("verdict_paper_machine", "verdict_here")]
        values = [
            f"{name} {_claimed_value(by_variant.loc[name], plan)}"
            for name in selection.VARIANTS
            if name in by_variant.index
        ]
        measured = "\n".join(values) if plan["measurement"] else "withheld"
        rows.append([mine["statement"].iloc[0], *cells, measured, _remark(mine, plan)])
    return table(["claim of the paper", "on its machine", "here", "measured here", "remark"], rows)


def _published_first(claims: pd.DataFrame) -> pd.DataFrame:
    """Claims with a number first, the largest before the others, as the paper's abstract has them."""
    return claims.sort_values("paper_value", ascending=False, na_position="last", kind="stable")


def _remark(rows: pd.DataFrame, plan: Plan) -> str:
    """What bounds each Three-Pass; or that Two-Pass is faster, a claim's direction, but its mechanism does not hold."""
    if plan["measurement"] and set(rows["unit"]) == {CEILING_UNIT}:
        return str(rows.loc[rows["variant"] == shown_variant(rows), "reason"].iloc[0])
    remarks = {"does not hold here": "faster, but not all memory-bound", "undecided": "faster, cause undecided"}
    verdicts = set(rows["verdict_here"])
    told = plan["measurement"] and set(rows["ratio_verdict"]) == {"faster"} and len(verdicts) == 1
    return remarks.get(verdicts.pop(), "") if told else ""


def _both(cell: pd.Series[Any], plan: Plan) -> str:
    """A verdict once where presets and tuned agree, else both. Withheld in a smoke run."""
    if not plan["measurement"]:
        return "withheld"
    words = cell.to_dict()
    if len(set(words.values())) == 1:
        return str(next(iter(words.values())))
    return "; ".join(f"{name}: {word}" for name, word in words.items())


def reasons(frame: pd.DataFrame, plan: Plan) -> ReportTable:
    """What each verdict rests on."""
    titles = {name: str(spec["title"]) for name, spec in plan["algorithms"].items()}
    rows = []
    for _, row in _published_first(frame).iterrows():
        reason = str(row["reason"])
        for name, title in titles.items():
            reason = reason.replace(name, title)
        isa = formats.NOTHING if row["isa"] == "-" else isa_title(row["isa"], plan)
        rows.append([row["claim"].replace("_", " "), row["variant"], isa, row["scope"], reason])
    return table(["claim", "variants", "ISA", "scope", "because"], rows)


def _claimed_value(row: pd.Series[Any], plan: Plan) -> str:
    if pd.isna(row["our_value"]) or not plan["measurement"]:
        return formats.NOTHING
    if pd.isna(row["low"]):
        unit = row["unit"] if row["unit"] == "ULP" else "times a plain loop (slowest pass)"
        return f"{formats.significant(row['our_value'])} {unit}"
    joined = "times the ceiling, " if row["unit"] == CEILING_UNIT else "against "
    joined += base_kind(str(row["base"]), plan)
    return f"{formats.ratio_with_interval(row['our_value'], row['low'], row['high'])} {joined}"


def _time(row: pd.Series[Any], column: str) -> str:
    return formats.quantity(float(row[column]), "s")


def out_of_cache(tables: Tables, plan: Plan) -> ReportTable:
    """The study's contender against each base at the out-of-cache sizes, per ISA and choice of variants."""
    ratios, asked = selection.primary(tables["ratios"], plan), selection.question(plan)
    contender = question_words(plan)["contender"]
    rows = []
    for isa in reversed(selection.isas(ratios, tables["registry"])):
        for variant in selection.VARIANTS:
            for base in asked.bases:
                mine = selection.against(ratios, asked.contender, base)
                mine = mine[
                    (mine["isa"] == isa)
                    & (mine["variant"] == variant)
                    & mine["n_elements"].isin(selection.out_of_cache(plan))
                ]
                for _, row in mine.sort_values("n_elements").iterrows():
                    rows.append([
                        isa_title(isa, plan), variant, formats.count(row["n_elements"]), algorithm_title(base, plan),
                        _time(row, "base_time_median_s"), _time(row, "time_median_s"),
                        formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"]),
                        formats.significant(float(row["p_adjusted"]), 2),
                        row["verdict"] if plan["measurement"] else "withheld",
                    ])  # fmt: skip
    head = [
        "ISA",
        "variants",
        "elements",
        "base",
        "time of base",
        f"time of {contender}",
        "ratio [95 %]",
        "p (Holm)",
        f"{contender} is",
    ]
    return table(head, rows)


def ratios_by_size(tables: Tables, plan: Plan) -> ReportTable:
    """The study's contender against each base at the labelled sizes, tuned where there is a choice.

    `groups` names the ISA over the columns of its bases.
    """
    ratios, asked = selection.primary(tables["ratios"], plan), selection.question(plan)
    ratios = ratios[ratios["variant"] == shown_variant(ratios)]
    isas = list(reversed(selection.isas(ratios, tables["registry"])))
    rows = []
    for label, n in sorted(plan["labels"].items(), key=lambda item: int(item[1])):
        cells = [_ratio_cell(ratios, (asked.contender, base), isa, int(n)) for isa in isas for base in asked.bases]
        if any(cell != formats.NOTHING for cell in cells):
            rows.append([label, formats.count(n), *cells])
    heads = [base_kind(base, plan) for base in asked.bases]
    titles = [isa_title(isa, plan) for isa in isas]
    return table(["size", "elements", *heads * len(isas)], rows) | {"groups": titles, "bases": len(heads)}


def _ratio_cell(ratios: pd.DataFrame, pair: tuple[str, str], isa: str, n: int) -> str:
    mine = selection.against(ratios, *pair)
    mine = mine[(mine["isa"] == isa) & (mine["n_elements"] == n)]
    if mine.empty:
        return formats.NOTHING
    row = mine.iloc[0]
    return formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"])


def by_protocol(tables: Tables, plan: Plan) -> ReportTable:
    """The study's contender against its fastest base under every protocol and input family, at the `bars` sizes."""
    ratios = tables["ratios"]
    rows = []
    variant = shown_variant(ratios)
    best = selection.against_fastest(ratios[ratios["variant"] == variant], plan) if len(ratios) else ratios
    sizes = [(label, length_of(plan, label)) for label in plan["bars"]]
    points = best[["isa", "cache_protocol", "inputs", "pages"]].drop_duplicates() if len(best) else best
    for isa in reversed(selection.isas(best, tables["registry"]) if len(best) else []):
        for _, point in points[points["isa"] == isa].sort_values(["cache_protocol", "inputs", "pages"]).iterrows():
            mine = best[(best[["isa", "cache_protocol", "inputs", "pages"]] == point).all(axis=1)]
            cells = []
            for _, n in sizes:
                found = mine[mine["n_elements"] == n]
                cells.append(
                    formats.NOTHING
                    if found.empty
                    else formats.ratio_with_interval(*found[["ratio", "ratio_low", "ratio_high"]].iloc[0])
                )
            rows.append([isa_title(isa, plan), point["cache_protocol"], point["inputs"], point["pages"], *cells])
    return table(["ISA", "protocol", "inputs", "pages", *[label for label, _ in sizes]], rows)


def machine(machines: pd.DataFrame) -> ReportTable:
    """What is known of the machine, fact by fact."""
    known = machines[~machines["key"].isin(LONG_FACTS) & (machines["value"] != "unavailable")]
    return table(["fact", "value"], [[row["key"].replace("_", " "), _fact(row)] for _, row in known.iterrows()])


def machine_missing(machines: pd.DataFrame) -> ReportTable:
    """What the machine does not tell, by reason; table `machines` says where each fact was looked for."""
    missing = machines[machines["value"] == "unavailable"]
    reasons = missing["origin"].map(lambda origin: origin.partition(": ")[2] or origin)
    names = missing["key"].str.replace("_", " ").groupby(reasons).agg(", ".join)
    return table(["not known", "why"], [[names[reason], reason] for reason in dict.fromkeys(reasons)])


def _fact(row: pd.Series[Any]) -> str:
    value, unit = str(row["value"]), str(row["unit"])
    try:
        amount = float(value)
    except ValueError:
        return value
    if unit in ("B", "bytes") or str(row["key"]).endswith("_bytes"):
        return formats.binary_bytes(amount)
    if unit in ("s", "Hz"):
        return formats.quantity(amount, unit)
    return value if unit in ("-", "") else f"{value}{formats.NARROW}{unit}"


def builds(plan: Plan) -> ReportTable:
    """Compilers of the session; the first row is the build that the report speaks of."""
    rows = [
        [str(b["compiler"]), str(b["version"]), " ".join(b["cflags"]), str(b["build_id"])]
        for b in plan.get("builds", [])
    ]
    return table(["compiler", "version", "flags common to all", "build"], rows)


def flags(registry: pd.DataFrame, plan: Plan) -> ReportTable:
    """Compile flags of each ISA."""
    first = registry.drop_duplicates(["build_id", "isa"]).sort_values(["build_id", "lanes"])
    return table(
        ["build", "ISA", "flags"],
        [[row["build_id"], isa_title(row["isa"], plan), row["cflags"]] for _, row in first.iterrows()],
    )


def class_counts(tables: Tables, plan: Plan, table1: pd.DataFrame) -> ReportTable:
    """The paper's Table 1 with our time per row for each algorithm at each class count, or why there is none."""
    times = selection.primary(selection.whole(tables["passes"]), plan)
    variant = shown_variant(times)
    times = times[times["variant"] == variant]
    names = [name for name in plan["algorithms"] if name in set(times["algorithm"])]
    best = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    rows = []
    for _, entry in table1.sort_values("class_count").iterrows():
        n = int(entry["class_count"])
        title = f"{entry['dataset']} {entry['classes']}"
        mine = times[times["n_elements"] == n]
        if mine.empty:
            reason = _why_skipped(tables["skipped"], n, str(entry["label"]))
            rows.append([title, formats.count(n), formats.NOTHING, *[formats.NOTHING] * len(names), reason])
            continue
        for isa in reversed(selection.isas(mine, tables["registry"])):
            here = mine[mine["isa"] == isa].set_index("algorithm")["time_median_s"]
            ratio = best[(best["isa"] == isa) & (best["variant"] == variant) & (best["n_elements"] == n)]
            shown = (
                formats.NOTHING
                if ratio.empty
                else formats.ratio_with_interval(*ratio[["ratio", "ratio_low", "ratio_high"]].iloc[0])
            )
            cells = [formats.quantity(float(here.get(name, float("nan"))), "s") for name in names]
            rows.append([title, formats.count(n), isa_title(isa, plan), *cells, shown])
    heads, said = [algorithm_title(name, plan) for name in names], question_words(plan)
    return table(
        ["data set", "classes", "ISA", *heads, f"{said['fastest'].removeprefix('the ')} / {said['contender']}"], rows
    )


def _why_skipped(frame: pd.DataFrame, n: int, label: str) -> str:
    named = frame[frame["what"].str.contains(str(n), regex=False) | frame["what"].str.contains(label, regex=False)]
    return f"skipped: {named['reason'].iloc[0]}" if len(named) else "not in this session"


def traffic(registry: pd.DataFrame, plan: Plan) -> ReportTable:
    """Streams, bytes and flops per element of each algorithm: sums over its passes (deterministic)."""
    first = registry[registry["study"] != CEILINGS].drop_duplicates("pass").set_index("pass")
    totals = {name: _traffic_of(first, name, spec["passes"]) for name, spec in plan["algorithms"].items()}
    contender = selection.question(plan).contender
    ours = totals.get(contender)
    rows = []
    for name, (reads, writes, useful, modelled, flops) in totals.items():
        gains = [formats.NOTHING] * 2 if ours is None else [f"{useful / ours[2]:.2f}", f"{modelled / ours[3]:.2f}"]
        amounts = [f"{value:g}" for value in (reads, writes, useful, modelled, flops)]
        rows.append([algorithm_title(name, plan), " → ".join(plan["algorithms"][name]["passes"]), *amounts, *gains])
    head = [
        "algorithm",
        "passes",
        "reads",
        "writes",
        "bytes",
        "with write-allocate",
        "flops",
        f"bytes / {algorithm_title(contender, plan).partition(', ')[0]}",
        "with w.-a.",
    ]
    return table(head, rows)


def _traffic_of(first: pd.DataFrame, name: str, passes: list[str]) -> tuple[float, float, float, float, float]:
    absent = [each for each in passes if each not in first.index]
    if absent:
        raise ReportError("table registry", f"lacks the pass {absent[0]!r} of {name}", "Build again: snakemake")
    rows = first.loc[passes]
    useful = float((rows["bytes_read_per_element"] + rows["bytes_written_per_element"]).sum())
    reads, writes = (float(sum(len(streams(cell)) for cell in rows[column])) for column in ("reads", "writes"))
    return (
        reads,
        writes,
        useful,
        useful + float(rows["bytes_write_allocate_per_element"].sum()),
        float(rows["flops_per_element"].sum()),
    )


def variants(tables: Tables, plan: Plan) -> ReportTable:
    """Tuned choice and preset of each pass: cycles per vector in L1, and the fraction of its ceiling out of cache."""
    far = max(selection.out_of_cache(plan), default=None)
    rows = []
    for isa in reversed(selection.isas(tables["registry"], tables["registry"])):
        for name in pass_order(plan):
            cells = []
            for choice in ("tuned", "preset"):
                full = selection.variant_name(tables["registry"], tables["tuning"], name, isa, choice)
                cells += (
                    [formats.NOTHING] * 5
                    if full is None
                    else [full.split(f"-{isa}-")[-1], *_speed(tables, plan, full, far)]
                )
            if any(cell != formats.NOTHING for cell in cells):
                rows.append([isa_title(isa, plan), name, *cells])
    columns = ["variant", "cycles / vector", "stack", "of plain loop", "bound"]
    return table(
        ["ISA", "pass", *[f"{choice}: {column}" for choice in ("tuned", "preset") for column in columns]], rows
    )


def _speed(tables: Tables, plan: Plan, full: str, far: int | None) -> list[str]:
    """Cycles per vector in L1, stack references of the hot loop, and out of cache: of what is attainable, and bound."""
    tuned = tables["tuning"][tables["tuning"]["variant"] == full]
    near = tuned[tuned["n_elements"] == length_of(plan, "L1")]
    cycles = formats.significant(float(near["cycles_per_vector"].iloc[0])) if len(near) else formats.NOTHING
    references = int(tuned["stack_references"].max()) if len(tuned) else -1
    passes = selection.alone(tables["passes"])
    outside = passes[(passes["variant"] == full) & (passes["n_elements"] == far)]
    fraction = formats.percent(float(outside["fraction_of_ceiling"].iloc[0])) if len(outside) else formats.NOTHING
    bound = str(outside["bound"].iloc[0]) if len(outside) else formats.NOTHING
    return [cycles, formats.NOTHING if references < 0 else str(references), fraction, bound]


def error(frame: pd.DataFrame, registry: pd.DataFrame, plan: Plan) -> ReportTable:
    """Largest error of whole algorithms at the smallest and the largest size."""
    frame = selection.over_n(frame[frame["max_error_ulp"].notna()])
    frame = frame[frame["variant"] == shown_variant(frame)]
    head = ["elements", "ULP"] + (["sum - 1"] if frame["sum_error"].notna().any() else [])
    rows = []
    for isa in reversed(selection.isas(frame, registry)):
        for (name, inputs), mine in frame[frame["isa"] == isa].groupby(["algorithm", "inputs"], sort=True):
            cells = [
                cell
                for _, row in mine.sort_values("n_elements").iloc[[0, -1]].iterrows()
                for cell in (
                    formats.count(row["n_elements"]),
                    formats.significant(row["max_error_ulp"]),
                    formats.NOTHING if pd.isna(row["sum_error"]) else f"{row['sum_error']:.1e}",
                )[: len(head)]
            ]
            rows.append([isa_title(isa, plan), algorithm_title(str(name), plan), str(inputs), *cells])
    return table(["ISA", "algorithm", "inputs", *head * 2], rows)


def skipped(frame: pd.DataFrame) -> ReportTable:
    """All that was left out, with the reason; the same reason in the same step stands once."""
    grouped = frame.groupby(["step", "reason"], sort=True)["what"].agg(list)
    rows = [[str(step), "; ".join(what), str(reason)] for (step, reason), what in grouped.items()]
    return table(["step", "left out", "reason"], rows)


def marked_rounds(rounds: pd.DataFrame) -> ReportTable:
    """Rounds that something makes doubtful, counted by kind of block and reason (with the numbers of one round)."""
    marked = rounds[rounds["marked"]]
    kinds = marked["block"].str.split("-", n=1).str[0]
    # The same reason with other numbers is one row, which shows the first of them.
    groups = marked["reason"].groupby([kinds, marked["reason"].str.replace(r"[\d.]+", "…", regex=True)], sort=True)
    totals = rounds["block"].str.split("-", n=1).str[0].value_counts()
    rows = []
    for (kind, _), found in groups:
        told = f"for example: {found.iloc[0]}" if found.nunique() > 1 else str(found.iloc[0])
        rows.append([str(kind), f"{len(found)} of {totals[kind]}", told])
    return table(["blocks", "rounds marked", "reason"], rows)


def paper_items(slots: pd.DataFrame) -> ReportTable:
    """The paper's tables and figures, whether their content is at hand, and where the report answers each."""
    rows = []
    for (item, holds), mine in slots.groupby(["item", "holds"], sort=False):
        first = mine.iloc[0]
        read = f"{int(mine['numbers'].sum())} numbers read off" if mine["numbers"].any() else "not at hand"
        rows.append(
            [item, holds, read if first["confirmed"] == "-" else f"confirmed: {first['confirmed']}", first["ours"]]
        )
    return table(["in the paper", "what it shows", "its content", "answered here by"], rows)
