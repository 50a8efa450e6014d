"""The tidy tables' models: one per table, its columns with type and meaning, and what orders its rows.

Text columns hold ``-`` where a key does not apply; an empty numeric cell means not measured, and a ``reason``
column says why. Units stand in the names, SI base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandera.pandas as pa


@dataclass(frozen=True)
class Column:
    """A column: its type (``text``, ``integer``, ``number``, ``flag``) and what it holds."""

    kind: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table: one row per `row`, its columns in order, and the columns that order its rows."""

    name: str
    row: str
    columns: Mapping[str, Column]
    sort_by: tuple[str, ...]

    @property
    def schema(self) -> pa.DataFrameSchema:
        """The pandera model: the named columns, in order, and no others."""
        return pa.DataFrameSchema(
            {
                name: pa.Column(DTYPES[column.kind], nullable=column.kind == "number")
                for name, column in self.columns.items()
            },
            strict=True,
            ordered=True,
            coerce=True,
            name=self.name,
        )


DTYPES = {"text": "str", "integer": "int64", "number": "float64", "flag": "bool"}


def _text(description: str) -> Column:
    return Column("text", description)


def _integer(description: str) -> Column:
    return Column("integer", description)


def _number(description: str) -> Column:
    return Column("number", description)


def _flag(description: str) -> Column:
    return Column("flag", description)


_SESSION = {
    "machine": _text("label of the machine"),
    "session": _text("label of the session"),
}
_BUILD = {"build_id": _text("hash of compiler, flags and sources")}
_PASS = {
    "study": _text("study that declares the pass or algorithm"),
    "algorithm": _text("algorithm, or - for a pass or ceiling alone"),
    "pass_index": _integer("position of the pass in its algorithm, from 1; 0 is the whole algorithm"),
    "pass": _text("pass, or - for a whole algorithm"),
}
_ISA = {"isa": _text("instruction set, as gcc spells it")}
_VARIANT = {"variant": _text("variant's name; for a whole algorithm: preset or tuned")}
_POINT = {
    "n_elements": _integer("length of a row"),
    "n_rows": _integer("rows of x that calls walk over"),
    "threads": _integer("threads"),
    "cache_protocol": _text("paper, hot or cold"),
    "inputs": _text("input family"),
    "pages": _text("huge, small or malloc: how buffers were asked for"),
}
_KEY = _SESSION | _BUILD | _PASS | _ISA | _VARIANT | _POINT
_INTERVAL = {"low": _number("lower bound of the 95 % interval"), "high": _number("upper bound of the 95 % interval")}


def _table(name: str, row: str, columns: Mapping[str, Column], sort_by: tuple[str, ...] | None = None) -> Table:
    default = tuple(column for column in columns if column in _KEY)
    return Table(name, row, columns, default if sort_by is None else sort_by)


_ALL = (
    _table(
        "registry",
        "variant",
        _BUILD
        | {"study": _PASS["study"], "pass": _PASS["pass"]}
        | _ISA
        | _VARIANT
        | {
            "dimensions": _text("the variant's own dimensions, name=value, in the order the study declares"),
            "preset": _flag("one of the paper's presets"),
            "reads": _text("streams read, space-separated"),
            "writes": _text("streams written, space-separated"),
            "in_place": _flag("a stream is both read and written"),
            "flops_per_element": _number("floating-point operations per element, by the study's counting rule"),
            "bytes_read_per_element": _number("bytes the pass reads per element"),
            "bytes_written_per_element": _number("bytes the pass writes per element"),
            "bytes_write_allocate_per_element": _number(
                "bytes read only because ordinary stores fetch their line first"
            ),
            "lanes": _integer("elements per vector"),
            "cflags": _text("compile flags of the ISA"),
            "max_ulp": _number("error bound of the study, ULP"),
            "source": _text("C file"),
            "source_sha256": _text("hash of the C file"),
        },
        ("build_id", "study", "pass", "isa", "variant"),
    ),
    _table(
        "tuning",
        "variant x ISA x n",
        _SESSION
        | _BUILD
        | {"study": _PASS["study"], "pass": _PASS["pass"]}
        | _ISA
        | _VARIANT
        | {
            "n_elements": _POINT["n_elements"],
            "time_median_s": _number("median over rounds, per call"),
            "time_minimum_s": _number("minimum over rounds, per call"),
            "clock_hz": _number("median core clock of the rounds"),
            "cycles_per_vector": _number("minimum time x clock of that round, per vector of the ISA"),
            "n_rounds": _integer("rounds"),
            "instructions": _integer("instructions of the hot loop"),
            "vectors_per_iteration": _integer("vectors the hot loop handles per iteration"),
            "stack_references": _integer("stack references in the hot loop; -1 where it was not found"),
            "calls": _integer("calls in the hot loop; -1 where it was not found"),
            "preset": _flag("the paper's preset"),
            "finite_only": _flag("right for finite scores only: shows what -inf and very negative scores cost"),
            "chosen": _flag("the tuned choice of this pass and ISA"),
        },
        ("build_id", "study", "pass", "isa", "variant", "n_elements"),
    ),
    _table(
        "accuracy",
        "variant x input family",
        _BUILD
        | {"study": _PASS["study"], "pass": _PASS["pass"]}
        | _ISA
        | _VARIANT
        | {
            "inputs": _POINT["inputs"],
            "seed": _integer("seed of the inputs"),
            "max_error_ulp": _number("largest error over outputs of at least FLT_MIN, ULP"),
            "bound_ulp": _number("bound it must not exceed"),
            "max_relative_error": _number("largest relative error over the same outputs"),
            "worst_index": _integer("index of the worst output; -1 where there is none"),
            "worst_x": _text("its input, hex float"),
            "got": _text("what the variant gave, hex float"),
            "want": _text("what float64 gives, hex float"),
            "passed": _flag("within the bound, and every contract held"),
            "reason": _text("what failed, or -"),
        },
        ("build_id", "study", "pass", "isa", "variant", "inputs"),
    ),
    _table(
        "error_over_n",
        "algorithm x ISA x n",
        _BUILD
        | {"study": _PASS["study"], "algorithm": _PASS["algorithm"]}
        | _ISA
        | _VARIANT
        | {
            "n_elements": _POINT["n_elements"],
            "inputs": _POINT["inputs"],
            "max_error_ulp": _number("largest error of an output of at least FLT_MIN against float64, ULP"),
            "sum_error": _number("sum of the outputs - 1, summed in float64"),
            "reason": _text("why it is missing, or -"),
        },
        ("build_id", "study", "algorithm", "isa", "variant", "inputs", "n_elements"),
    ),
    _table(
        "rounds",
        "round",
        _SESSION
        | {
            "block": _text("block: step, protocol, size, inputs, pages"),
            "round": _integer("number of the round in its block"),
            "order": _text("contenders in the order they ran, numbers into the block's list"),
            "start_utc": _text("start, ISO 8601"),
            "duration_s": _number("wall time of the process"),
            "process": _integer("process id"),
            "seed": _integer("seed of order, layout and inputs"),
            "cpu": _integer("cpu the thread was pinned to"),
            "clock_hz": _number("median core clock, measured beside the values"),
            "clock_low_hz": _number("lowest core clock of the round"),
            "steal_s": _number("time the hypervisor gave to others while the round ran"),
            "load": _number("one-minute load average at the start"),
            "involuntary_switches": _integer("involuntary context switches of the process"),
            "temperature_c": _number("hottest sensor, degrees Celsius"),
            "throttle_count": _number("thermal throttle events of the cpu so far"),
            "huge_bytes": _number("bytes of the buffers that got huge pages"),
            "buffer_bytes": _number("bytes of the buffers"),
            "env_bytes": _integer("size of the padding variable in the environment"),
            "offset_bytes": _integer("offset of the rows from their 2 MiB boundary"),
            "marked": _flag("something in the round makes it doubtful"),
            "reason": _text("what, or -"),
        },
        ("block", "round"),
    ),
    _table(
        "timings",
        "pyperf value",
        _KEY
        | {
            "block": _text("block the value was taken in"),
            "round": _integer("round of the block"),
            "value_index": _integer("number of the value in its round"),
            "loops": _integer("calls the value is the mean of"),
            "is_warmup": _flag("a warm-up value, never used in a statistic"),
            "time_s": _number("seconds per call"),
        },
        (*_KEY, "block", "round", "value_index"),
    ),
    _table(
        "ceilings",
        "roof x level x threads",
        _SESSION
        | _BUILD
        | {
            "ceiling": _text("read/write mix, or fma"),
            "isa": _ISA["isa"],
            "level": _text("L1, L2, LLC, DRAM, or - for fma"),
            "store": _text("ordinary, nt or -"),
            "threads": _POINT["threads"],
            "n_elements": _POINT["n_elements"],
            "value": _number("median over rounds"),
            **_INTERVAL,
            "unit": _text("B/s (with write-allocate) or flop/s"),
            "n_values": _integer("rounds"),
            "reason": _text("why it is missing, or -"),
        },
        ("build_id", "ceiling", "isa", "level", "store", "threads"),
    ),
    _table(
        "counters",
        "repetition x event",
        _KEY
        | {
            "source": _text("where the number comes from"),
            "event": _text("event, or -"),
            "direction": _text("read, write or -"),
            "scope": _text("socket, process or none"),
            "calls": _integer("calls it covers"),
            "value": _number("counted value"),
            "unit": _text("unit of value"),
            "calibration": _number("counted / known bytes of the calibration loop"),
            "background": _number("bytes per second of an idle machine"),
            "time_enabled_s": _number("time the event was enabled"),
            "time_running_s": _number("time the event was counting"),
            "confidence": _text("A to E"),
            "status": _text("counted, rejected or unavailable"),
            "reason": _text("why it was not counted, or -"),
        },
        (*_KEY, "source", "event"),
    ),
    _table(
        "machines",
        "fact",
        {
            "machine": _SESSION["machine"],
            "key": _text("name of the fact"),
            "value": _text("its value, or unavailable"),
            "unit": _text("unit or -"),
            "origin": _text("file or call it was read from, or why it is unavailable"),
        },
        ("machine", "key"),
    ),
    _table(
        "passes",
        "pass x n (pass -: a whole algorithm; algorithm -: the pass alone)",
        _KEY
        | {
            "time_median_s": _number("median over rounds, per call"),
            "time_low_s": _number("lower bound of its 95 % interval"),
            "time_high_s": _number("upper bound of its 95 % interval"),
            "n_values": _integer("rounds"),
            "time_core_s": _number("time per element in L1 times n_elements"),
            "time_memory_s": _number("time of the fastest ceiling with the pass's own read/write mix, same rounds"),
            "ceiling": _text("that ceiling, or -"),
            "measured_over_memory": _number("median over rounds of time / time_memory"),
            "bound": _text("memory, core, both, or - where it was not judged"),
            "bytes_algorithmic": _number("bytes the pass reads and writes"),
            "bytes_read_model": _number("bytes read by the model, with write-allocate"),
            "bytes_written_model": _number("bytes written by the model"),
            "bytes_read_counted": _number("bytes read, counted"),
            "bytes_written_counted": _number("bytes written, counted"),
            "confidence": _text("A to E; E is the model alone"),
            "bandwidth_bytes_per_s": _number("model bytes, read and written, / time_median"),
            "intensity_flop_per_byte": _number("flops / model bytes"),
            "flop_per_s": _number("flops / time_median"),
            "fraction_of_ceiling": _number("max(core, memory) / measured, median over rounds"),
        },
    ),
    _table(
        "ratios",
        "pair x n",
        _KEY
        | {
            "base": _text("algorithm the ratio is against"),
            "base_isa": _text("its ISA"),
            "base_threads": _integer("its threads"),
            "base_variant": _text("its variant"),
            "base_time_median_s": _number("its median time per call"),
            "time_median_s": _number("median time per call of the algorithm"),
            "ratio": _number("time of base / time of algorithm, median over rounds: above 1, the algorithm is faster"),
            "ratio_low": _number("lower bound of its 95 % interval"),
            "ratio_high": _number("upper bound of its 95 % interval"),
            "p_adjusted": _number(
                "Wilcoxon signed-rank p, corrected (Holm) over sizes and variants of the pair, ISA and protocol"
            ),
            "effect_size": _number("share of rounds won minus share lost"),
            "smallest_detectable": _number("half-width of the interval: a smaller difference would not show"),
            "verdict": _text("faster, slower, equal or undecided"),
            "n_rounds": _integer("rounds with both"),
            "stop_reason": _text("what ended the measurement of the point"),
        },
        (*_KEY, "base", "base_isa", "base_variant"),
    ),
    _table(
        "claims",
        "claim x variant",
        {
            "claim": _text("id of the claim"),
            "variant": _text("preset or tuned"),
            "statement": _text("the claim, in words"),
            "paper_value": _number("published value; empty where the paper gives none"),
            "our_value": _number("ours"),
            **_INTERVAL,
            "unit": _text("unit of the values"),
            "scope": _text("machine, ISA and sizes it speaks of"),
            "evidence": _text("how the claim is confirmed"),
            "verdict_paper_machine": _text("reproduced, not reproduced, undecided or not this machine"),
            "verdict_here": _text("holds here, does not hold here or undecided"),
            "isa": _text("ISA it was judged on, or -"),
            "base": _text("algorithm the ratio is against, or -"),
            "ratio_verdict": _text("faster, slower, equal or undecided for that ratio, or -"),
            "reason": _text("what the verdicts rest on"),
        },
        ("claim", "variant"),
    ),
    _table(
        "skipped",
        "thing left out",
        _SESSION
        | {
            "step": _text("build, check, tune, time or ceilings"),
            "what": _text("variant, size or contender left out"),
            "reason": _text("why"),
        },
        ("step", "what"),
    ),
)

TABLES: Mapping[str, Table] = {table.name: table for table in _ALL}
KEY: tuple[str, ...] = tuple(_KEY)
