"""Models of the tables beyond the paper."""

from __future__ import annotations

from passline.table_parts import INTERVAL, ISA, KEY_COLUMNS, POINT, SESSION, TIME, integer, number, table, text

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
        "goals",
        "goal",
        SESSION
        | {
            "position": integer("place in goals.yaml, from 1"),
            "goal": text("id of the goal"),
            "statement": text("the goal, in words"),
            "contender": text("the algorithm that must be fast"),
            "base": text("what it is compared with, space-separated: the fastest of them at each size"),
            "isa": ISA["isa"],
            "threads": POINT["threads"],
            "cache_protocol": POINT["cache_protocol"],
            "statistic": text("geometric mean or minimum, over the sizes"),
            "from_elements": integer("shortest row that counts"),
            "to_elements": integer("longest row that counts"),
            "sizes": text("row lengths it was judged at, space-separated, or -"),
            "wanted": number("time of base / time of contender that must be reached"),
            "reached": number("what was reached"),
            **INTERVAL,
            "met": text("met, missed, undecided (the interval holds what is wanted), unavailable or withheld"),
            "reason": text("what it rests on, or why there is nothing"),
        },
        ("position",),
    ),
)
