"""Models of the tables beyond the paper."""

from __future__ import annotations

from passline.table_parts import (
    BUILD,
    INTERVAL,
    ISA,
    KEY_COLUMNS,
    PASS,
    POINT,
    SESSION,
    TIME,
    VARIANT,
    integer,
    number,
    table,
    text,
)

BEYOND_TABLES = (
    table(
        "beyond",
        "contender x point, in blocks beyond the paper (variant floor: streams and stores without arithmetic)",
        KEY_COLUMNS
        | TIME
        | {
            "floor": text("the floor of an algorithm: its row's algorithm, or -"),
            "over_floor": number("time / time of the floor, within a sweep, median over sweeps, then over rounds"),
            "over_floor_low": number("lower bound of its 95 % interval"),
            "over_floor_high": number("upper bound of its 95 % interval"),
        },
    ),
    table(
        "crossovers",
        "instruction set (any: whichever is fastest) x length of rows, alone or in a batch: what `best` takes",
        SESSION
        | BUILD
        | {
            "isa": text("instruction set that was asked for, or any"),
            "threads": integer("threads that may share a row or a batch"),
            "batch_from": integer("elements of the smallest batch that this is about; 0: rows by themselves"),
            "n_elements": integer("row length measured"),
            "n_from": integer("shortest row that gets this algorithm"),
            "algorithm": text("what is taken"),
            "algorithm_isa": text("on which instruction set"),
            "threads_used": integer("threads that share a row or a batch"),
            "variants": text("its variants, one per pass, space-separated"),
            "time_over_fastest": number(
                "its time / that of the fastest candidate, protocol hot, within a round, median"
            ),
            "time_over_fastest_consumed": number("the same in protocol consumed, where it was measured"),
            "next_algorithm": text("the fastest of the others, protocol hot"),
            "next_threads": integer("its threads"),
            "next_over_chosen": number("time of that / time of what is taken"),
        },
        ("machine", "session", "build_id", "isa", "threads", "batch_from", "n_elements"),
    ),
    table(
        "port_model",
        "pass of an algorithm x ISA, tuned: the least that the core's ports allow in L1, and what was measured",
        BUILD
        | PASS
        | ISA
        | VARIANT
        | {
            "cycles_predicted": number("cycles per vector of the hot loop: its busiest port or its longest chain"),
            "cycles_measured": number("cycles per vector in L1, from tuning"),
            "unknown_instructions": integer("instructions of the loop that the model does not know; -1 where unasked"),
            "model": text("program and version, or -"),
            "reason": text("why it is missing, or -"),
        },
        ("build_id", "algorithm", "isa", "pass_index"),
    ),
    table(
        "goals",
        "goal",
        SESSION
        | {
            "position": integer("place in goals.yaml, from 1"),
            "goal": text("id of the goal"),
            "statement": text("the goal, in words"),
            "contender": text("the algorithm that must be fast or right, or candidates: each that `best` may choose"),
            "base": text(
                "what it is compared with, space-separated: the fastest of them at each size; or candidates, "
                "fastest_inputs (its own), float64"
            ),
            "isa": ISA["isa"],
            "threads": POINT["threads"],
            "cache_protocol": text("paper, hot, consumed or cold; - for errors"),
            "statistic": text("geometric mean or minimum over the sizes, or maximum over all points"),
            "from_elements": integer("shortest row that counts"),
            "to_elements": integer("longest row that counts"),
            "sizes": text("row lengths it was judged at, space-separated, or -"),
            "wanted": number(
                "at least, or with maximum at most: time of base / time of contender; time / time on the fastest "
                "inputs; ULP"
            ),
            "reached": number("what was reached"),
            **INTERVAL,
            "met": text("met, missed, undecided (the interval holds what is wanted), unavailable or withheld"),
            "reason": text("what it rests on, or why there is nothing"),
        },
        ("position",),
    ),
)
