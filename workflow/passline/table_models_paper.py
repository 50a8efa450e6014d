"""Models of the tables that hold what is known of the paper's own tables and figures."""

from __future__ import annotations

from passline.table_parts import POINT, integer, number, table, text

PAPER_TABLES = (
    table(
        "paper_slots",
        "table of the paper, or panel of one of its figures",
        {
            "slot": text("id in reports/paper.yaml"),
            "item": text("what the paper calls it"),
            "holds": text("what it shows"),
            "confirmed": text("where it was read, or - where its content is not at hand"),
            "kind": text("how it is drawn beside ours"),
            "isa": text("instruction set, or -"),
            "algorithms": text("algorithms it is about, space-separated, or - for all of the paper's"),
            "baseline": text("outside baseline it is about, or -"),
            "microarchitecture": text("only machines of this one answer it, or -"),
            "ours": text("where the report answers it"),
            "numbers": integer("numbers of it that somebody read off"),
        },
        (),
    ),
    table(
        "paper_values",
        "number read off the paper",
        {
            "slot": text("id in reports/paper.yaml"),
            "figure": text("figure or table of the paper"),
            "page": integer("page of the paper"),
            "read_by": text("who read it off"),
            "algorithm": text("algorithm"),
            "pass": text("pass, or -"),
            "n_elements": POINT["n_elements"],
            "threads": POINT["threads"],
            "value": number("the number"),
            "unit": text("1/s, B/s, s or ratio"),
        },
        ("slot", "algorithm", "pass", "n_elements", "threads"),
    ),
)
