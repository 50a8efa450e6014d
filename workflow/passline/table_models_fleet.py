"""Models of the tables of a fleet: one row or a few per bundle."""

from __future__ import annotations

from passline.table_parts import ISA, PASS, POINT, SESSION, VARIANT, flag, integer, number, table, text

BUNDLE = {"bundle": text("name of the imported bundle: machine, session and hash of its data")}

FLEET_TABLES = (
    table(
        "fleet_machines",
        "bundle",
        BUNDLE
        | SESSION
        | {
            "made_up": flag("its numbers were made by a test"),
            "measurement": flag("no smoke run"),
            "effort": number("effort of its session"),
            "model_name": text("processor"),
            "microarchitecture": text("its microarchitecture"),
            "cores": text("cores"),
            "sockets": text("sockets"),
            "hypervisor": text("hypervisor, or none"),
            "memory_bytes": text("memory"),
            "llc_bytes": text("last-level cache of the measuring cpu"),
            "compared": flag("it stands beside the others"),
            "reason": text("why it does not, or -"),
        },
        ("bundle",),
    ),
    table(
        "fleet_ratios",
        "bundle x ISA x labelled size: the study's contender against its fastest base",
        BUNDLE
        | ISA
        | {
            "size": text("label of the size on that machine"),
            "n_elements": POINT["n_elements"],
            "base": text("its fastest base there"),
            "ratio": number("time of base / time of contender"),
            "ratio_low": number("lower bound of its 95 % interval"),
            "ratio_high": number("upper bound of its 95 % interval"),
            "verdict": text("faster, slower, equal or undecided"),
            "n_rounds": integer("rounds"),
        },
        ("bundle", "isa", "n_elements"),
    ),
    table(
        "fleet_passes",
        "bundle x pass x ISA: out of cache, the fastest variant timed",
        BUNDLE
        | {"pass": PASS["pass"]}
        | ISA
        | {
            "fraction_of_ceiling": number("time that this machine's own ceilings allow / time measured"),
            "bandwidth_bytes_per_s": number("modelled bytes over time"),
            "bound": text("core, memory or both"),
        },
        ("bundle", "isa", "pass"),
    ),
    table(
        "fleet_claims",
        "bundle x claim x choice of variants",
        BUNDLE
        | {"claim": text("id of the claim")}
        | VARIANT
        | {
            "statement": text("the claim, in words"),
            "verdict_here": text("holds here, does not hold here or undecided"),
            "verdict_paper_machine": text("reproduced, not reproduced, undecided or not this machine"),
        },
        ("bundle", "claim", "variant"),
    ),
)
