"""Models of the tables of a fleet: one row or a few per bundle."""

from __future__ import annotations

from passline.table_parts import INTERVAL, ISA, PASS, POINT, SESSION, VARIANT, flag, integer, number, table, text

BUNDLE = {"bundle": text("name of the imported bundle: machine, session and hash of its data")}

FLEET_TABLES = (
    table(
        "fleet_machines",
        "bundle",
        BUNDLE
        | SESSION
        | {
            "host": text("hash of its machine-id, or unavailable"),
            "measured": text("start of its last round, or empty"),
            "made_up": flag("its numbers were made by a test"),
            "measurement": flag("no smoke run"),
            "effort": number("effort of its session"),
            "compiler": text("compiler of the build that verdicts rest on, with its version"),
            "model_name": text("processor"),
            "microarchitecture": text("its microarchitecture"),
            "cores": text("cores"),
            "sockets": text("sockets"),
            "hypervisor": text("hypervisor, or none"),
            "memory_bytes": text("memory"),
            "llc_bytes": text("last-level cache of the measuring cpu"),
            "compared": flag("it stands beside the others"),
            "counted": flag("it is compared, and no other label of the same host was counted before"),
            "reason": text("why it is not compared, or -"),
        },
        ("bundle",),
    ),
    table(
        "fleet_differences",
        "bundle x fact in which it differs from most, though it is compared",
        BUNDLE
        | {
            "key": text("the fact"),
            "value": text("its value there"),
            "usual": text("that of most"),
            "why": text("why it forbids no comparison"),
        },
        ("bundle", "key"),
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
            "n_marked": integer("of these, marked as doubtful"),
            "verdict_unmarked": text("verdict without marked rounds, or -"),
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
            "our_value": number("what was measured there for it"),
            **INTERVAL,
            "unit": text("unit of the value"),
            "isa": text("ISA it was judged on, or -"),
            "verdict_here": text("holds here, does not hold here or undecided"),
            "verdict_paper_machine": text("reproduced, not reproduced, undecided or not this machine"),
        },
        ("bundle", "claim", "variant"),
    ),
)
