"""The tidy tables' models: one per table, its columns with type and meaning, and what orders its rows.

Text columns hold ``-`` where a key does not apply; an empty numeric cell means not measured, and a ``reason``
column says why. Units stand in the names, SI base.
"""

from __future__ import annotations

from collections.abc import Mapping

from passline.table_models_beyond import BEYOND_TABLES
from passline.table_models_fleet import FLEET_TABLES
from passline.table_models_paper import PAPER_TABLES
from passline.table_parts import (
    BUILD,
    DTYPES,
    INTERVAL,
    ISA,
    KEY_COLUMNS,
    PASS,
    POINT,
    SESSION,
    TIME,
    VARIANT,
    Table,
    flag,
    integer,
    number,
    table,
    text,
)

__all__ = ["DTYPES", "KEY", "TABLES"]

_ALL = (
    table(
        "registry",
        "variant",
        BUILD
        | {"study": PASS["study"], "pass": PASS["pass"]}
        | ISA
        | VARIANT
        | {
            "dimensions": text("the variant's own dimensions, name=value, in the order the study declares"),
            "preset": flag("one of the paper's presets"),
            "reads": text("streams read, space-separated"),
            "writes": text("streams written, space-separated"),
            "in_place": flag("a stream is both read and written"),
            "flops_per_element": number("floating-point operations per element, by the study's counting rule"),
            "bytes_read_per_element": number("bytes the pass reads per element"),
            "bytes_written_per_element": number("bytes the pass writes per element"),
            "bytes_write_allocate_per_element": number(
                "bytes read only because ordinary stores fetch their line first"
            ),
            "lanes": integer("elements per vector"),
            "cflags": text("compile flags of the ISA"),
            "max_ulp": number("error bound of the study, ULP"),
            "source": text("C file"),
            "source_sha256": text("hash of the C file"),
        },
        ("build_id", "study", "pass", "isa", "variant"),
    ),
    table(
        "tuning",
        "variant x ISA x n",
        SESSION
        | BUILD
        | {"study": PASS["study"], "pass": PASS["pass"]}
        | ISA
        | VARIANT
        | {
            "n_elements": POINT["n_elements"],
            "time_median_s": number("median over rounds, per call"),
            "time_minimum_s": number("minimum over rounds, per call"),
            "clock_hz": number("median core clock of the rounds"),
            "cycles_per_vector": number("minimum time x clock of that round, per vector of the ISA"),
            "n_rounds": integer("rounds"),
            "instructions": integer("instructions of the hot loop"),
            "vectors_per_iteration": integer("vectors the hot loop handles per iteration"),
            "stack_references": integer("stack references in the hot loop; -1 where it was not found"),
            "calls": integer("calls in the hot loop; -1 where it was not found"),
            "preset": flag("the paper's preset"),
            "finite_only": flag("right for finite scores only: shows what -inf and very negative scores cost"),
            "chosen": flag("the tuned choice of this pass and ISA"),
        },
        ("build_id", "study", "pass", "isa", "variant", "n_elements"),
    ),
    table(
        "accuracy",
        "variant x input family",
        BUILD
        | {"study": PASS["study"], "pass": PASS["pass"]}
        | ISA
        | VARIANT
        | {
            "inputs": POINT["inputs"],
            "seed": integer("seed of the inputs"),
            "max_error_ulp": number("largest error over outputs of at least FLT_MIN, ULP"),
            "bound_ulp": number("bound it must not exceed"),
            "max_relative_error": number("largest relative error over the same outputs"),
            "worst_index": integer("index of the worst output; -1 where there is none"),
            "worst_x": text("its input, hex float"),
            "got": text("what the variant gave, hex float"),
            "want": text("what float64 gives, hex float"),
            "passed": flag("within the bound, and every contract held"),
            "reason": text("what failed, or -"),
        },
        ("build_id", "study", "pass", "isa", "variant", "inputs"),
    ),
    table(
        "error_over_n",
        "algorithm x ISA x n",
        BUILD
        | {"study": PASS["study"], "algorithm": PASS["algorithm"]}
        | ISA
        | VARIANT
        | {
            "n_elements": POINT["n_elements"],
            "inputs": POINT["inputs"],
            "max_error_ulp": number(
                "largest error of an output of at least FLT_MIN against float64, ULP; on normal inputs over as many "
                "rows as hold 2^18 elements"
            ),
            "sum_error": number("sum of the outputs - what the study says that it is, summed in float64"),
            "reason": text("why it is missing, or -"),
        },
        ("build_id", "study", "algorithm", "isa", "variant", "inputs", "n_elements"),
    ),
    table(
        "rounds",
        "round",
        SESSION
        | {
            "block": text("block: step, protocol, size, inputs, pages"),
            "round": integer("number of the round in its block"),
            "order": text("contenders in the order they ran, numbers into the block's list"),
            "start_utc": text("start, ISO 8601"),
            "duration_s": number("wall time of the process"),
            "process": integer("process id"),
            "seed": integer("seed of order, layout and inputs"),
            "cpu": integer("cpu the thread was pinned to"),
            "clock_hz": number("median core clock, measured beside the values"),
            "clock_low_hz": number("lowest core clock of the round"),
            "steal_s": number("time the hypervisor gave to others while the round ran"),
            "core_shared": number(
                "share of moments in which arithmetic took over 1.5 times as long on all threads at once as on one: "
                "two of them were on one core, whatever the system says; empty on one thread"
            ),
            "load": number("one-minute load average at the start"),
            "involuntary_switches": integer("involuntary context switches of the process"),
            "temperature_c": number("hottest sensor, degrees Celsius"),
            "throttle_count": number("thermal throttle events of the cpu so far"),
            "huge_bytes": number("bytes of the buffers that got huge pages"),
            "buffer_bytes": number("bytes of the buffers"),
            "env_bytes": integer("size of the padding variable in the environment"),
            "offset_bytes": integer("random offset of x from its page boundary in the first sweep"),
            "offset_y_bytes": integer("random offset of y from its page boundary in the first sweep"),
            "noise": number("median over contenders of (upper - lower quartile) / median of its values"),
            "stop_reason": text("what ended the block: target (intervals narrow enough), cap (most rounds), planned"),
            "marked": flag("something makes the round doubtful, in itself or beside the session's other rounds"),
            "reason": text("what, or -"),
        },
        ("block", "round"),
    ),
    table(
        "timings",
        "pyperf value",
        KEY_COLUMNS
        | {
            "block": text("block the value was taken in"),
            "round": integer("round of the block"),
            "value_index": integer("number of the value in its round"),
            "loops": integer("calls the value is the mean of"),
            "is_warmup": flag("a warm-up value, never used in a statistic"),
            "time_s": number("seconds per call"),
        },
        (*KEY_COLUMNS, "block", "round", "value_index"),
    ),
    table(
        "baselines",
        "outside baseline x point",
        SESSION
        | {"study": PASS["study"], "algorithm": text("the baseline, as in table timings")}
        | POINT
        | {
            "version": text("as the library tells it, in the rounds"),
            "dispatches_to": text("instructions or implementation it says it uses, in its own words"),
            "library_threads": integer("threads it was told to use"),
            "denormals": text("outputs that are denormals: kept or flushed; ours flush"),
            "call_overhead_s": number("the same call on a row of one element, from Python; part of its times"),
            "minor_faults_per_call": number("pages mapped by the system in a call: results allocated anew"),
            "n_rounds": integer("rounds that the numbers are medians of"),
        },
        ("study", "algorithm", "cache_protocol", "inputs", "pages", "threads", "n_elements", "version"),
    ),
    table(
        "ceilings",
        "roof x level x threads",
        SESSION
        | BUILD
        | {
            "ceiling": text("read/write mix, or fma"),
            "isa": ISA["isa"],
            "level": text("L1, L2, LLC, DRAM, or - for fma"),
            "store": text("ordinary, nt or -"),
            "threads": POINT["threads"],
            "n_elements": POINT["n_elements"],
            "value": number("median over rounds"),
            **INTERVAL,
            "unit": text("B/s (with write-allocate) or flop/s"),
            "n_values": integer("rounds"),
            "reason": text("why it is missing, or -"),
        },
        ("build_id", "ceiling", "isa", "level", "store", "threads"),
    ),
    table(
        "counters",
        "repetition x event",
        KEY_COLUMNS
        | {
            "source": text("where the number comes from"),
            "event": text("event, or -"),
            "repetition": integer("repetition of the same calls, from 0"),
            "socket": integer("socket whose units counted, -1 where they are no socket's"),
            "local": flag("it is the socket of the measuring cpu"),
            "direction": text("read, write, combined, read_lower_bound, or - for what is no traffic"),
            "scope": text("socket, cpus, process or none"),
            "calls": integer("calls it covers, of each thread"),
            "value": number("counted value, over all calls"),
            "unit": text("unit of value"),
            "calibration": number("counted / known bytes of the calibration loop"),
            "background": number("bytes per second of an idle machine"),
            "time_s": number("time of the calls; counting runs are none of the timing runs"),
            "time_enabled_s": number("time the event was enabled"),
            "time_running_s": number("time the event was counting"),
            "confidence": text("A to E"),
            "status": text("counted, rejected or unavailable"),
            "reason": text("why it was not counted, or -"),
        },
        (*KEY_COLUMNS, "source", "event", "socket", "repetition"),
    ),
    table(
        "machines",
        "fact",
        {
            "machine": SESSION["machine"],
            "key": text("name of the fact"),
            "value": text("its value, or unavailable"),
            "unit": text("unit or -"),
            "origin": text("file or call it was read from, or why it is unavailable"),
        },
        ("machine", "key"),
    ),
    table(
        "passes",
        "pass x n (pass -: a whole algorithm; algorithm -: the pass alone, on several threads where it was counted)",
        KEY_COLUMNS
        | TIME
        | {
            "time_core_s": number("time per element in L1 times n_elements"),
            "time_memory_s": number("time of the fastest ceiling with the pass's own read/write mix, same rounds"),
            "ceiling": text("that ceiling, or -"),
            "measured_over_memory": number("median over rounds of time / time_memory"),
            "bound": text("memory, core, both, or - where it was not judged"),
            "bytes_algorithmic": number("bytes the pass reads and writes"),
            "bytes_read_model": number("bytes read by the model, with write-allocate"),
            "bytes_read_low_model": number("the same where hardware avoids to fetch lines that it will write whole"),
            "bytes_written_model": number("bytes written by the model"),
            "bytes_carried_model": number("of these, what the LLC can hold back: it is written during the next pass"),
            "bytes_read_counted": number("bytes read, counted per call; a lower bound where the source is core"),
            "bytes_written_counted": number("bytes written, counted per call"),
            "bytes_combined_counted": number("both in one, where the source cannot tell them apart"),
            "source": text("what counted the bytes, or model where nothing did"),
            "confidence": text(
                "A to C: of counted bytes; D: the model, which a simulation of this variant confirmed; E"
            ),
            "reason": text("why bytes were not counted, or -"),
            "local_share": number("share of the counted bytes at the socket of the measuring cpu"),
            "time_counted_s": number("time per call while bytes were counted; of no timing run"),
            "bandwidth_counted_bytes_per_s": number("counted bytes, read and written, / time_counted"),
            "cycles_per_element": number("core cycles, counted, summed over threads"),
            "instructions_per_element": number("instructions, counted"),
            "bandwidth_bytes_per_s": number("model bytes, read and written, / time_median"),
            "intensity_flop_per_byte": number("flops / model bytes"),
            "flop_per_s": number("flops / time_median"),
            "fraction_of_ceiling": number("max(core, memory) / measured, median over rounds"),
        },
    ),
    table(
        "ratios",
        "pair x n",
        KEY_COLUMNS
        | {
            "base": text("algorithm the ratio is against"),
            "base_isa": text("its ISA"),
            "base_threads": integer("its threads"),
            "base_variant": text("its variant"),
            "base_time_median_s": number("its median time per call"),
            "time_median_s": number("median time per call of the algorithm"),
            "ratio": number(
                "time of base / time of algorithm, within a sweep, median over the round's sweeps, then over rounds: "
                "above 1, the algorithm is faster"
            ),
            "ratio_low": number("lower bound of its 95 % interval"),
            "ratio_high": number("upper bound of its 95 % interval"),
            "p_adjusted": number(
                "Wilcoxon signed-rank p, corrected (Holm) over sizes and variants of the pair, ISA and protocol"
            ),
            "effect_size": number("share of rounds won minus share lost"),
            "smallest_detectable": number("half-width of the 95 % interval: a smaller difference would not show"),
            "verdict": text("faster, slower, equal or undecided"),
            "n_rounds": integer("rounds with both"),
            "stop_reason": text("what ended the measurement of the block: target, cap or planned"),
            "outliers": integer("rounds outside Tukey's fences of the log ratio; counted, never dropped"),
            "autocorrelation": number("lag-1 rank autocorrelation of the rounds' ratios, in order of time"),
            "p_dependence": number("p of a positive dependence between rounds; below 0.01 nothing is decided"),
            "bimodal": flag("the rounds' ratios have two modes"),
            "n_marked": integer("rounds marked as doubtful"),
            "ratio_unmarked": number("ratio without marked rounds; empty where fewer than 6 remain"),
            "verdict_unmarked": text("verdict without marked rounds, or -"),
        },
        (*KEY_COLUMNS, "base", "base_isa", "base_variant"),
    ),
    table(
        "round_ratios",
        "pair x round (same ISA, same choice of variants)",
        KEY_COLUMNS
        | {
            "base": text("algorithm the ratio is against"),
            "base_isa": text("its ISA"),
            "base_variant": text("its variant"),
            "block": text("block the ratio was taken in"),
            "round": integer("round of the block"),
            "start_utc": text("start of the round, ISO 8601"),
            "ratio": number("median over sweeps of time of base / time of algorithm"),
            "marked": flag("the round is marked as doubtful"),
        },
        (*KEY_COLUMNS, "base", "base_isa", "base_variant", "block", "round"),
    ),
    table(
        "selftest",
        "planted slowdown x algorithm x ISA x n",
        SESSION
        | BUILD
        | {
            "planted_fraction": number("share of the work that is done twice; 0: another name, no more"),
            "algorithm": PASS["algorithm"],
            "isa": ISA["isa"],
            "n_elements": POINT["n_elements"],
            "ratio": number("time of the unmodified call / time of the other; in truth 1 / (1 + planted_fraction)"),
            "ratio_low": number("lower bound of its uncorrected 95 % interval"),
            "ratio_high": number("upper bound of its uncorrected 95 % interval"),
            "p_adjusted": number("Wilcoxon signed-rank p, corrected (Holm) over all points of the planted fraction"),
            "verdict": text("faster, slower, equal or undecided"),
            "smallest_detectable": number("half-width of the 95 % interval: a smaller difference would not show"),
            "n_rounds": integer("rounds with both"),
            "stop_reason": text("what ended the measurement of the block: target, cap or planned"),
            "in_cache": flag("x and y fit into half of the LLC"),
        },
        ("build_id", "planted_fraction", "algorithm", "isa", "n_elements"),
    ),
    table(
        "claims",
        "claim x variant",
        {
            "claim": text("id of the claim"),
            "variant": text("preset or tuned"),
            "statement": text("the claim, in words"),
            "paper_value": number("published value; empty where the paper gives none"),
            "our_value": number("ours"),
            **INTERVAL,
            "unit": text("unit of the values"),
            "scope": text("machine, ISA and sizes it speaks of"),
            "evidence": text("how the claim is confirmed"),
            "verdict_paper_machine": text("reproduced, not reproduced, undecided or not this machine"),
            "verdict_here": text("holds here, does not hold here or undecided"),
            "isa": text("ISA it was judged on, or -"),
            "base": text("algorithm the ratio is against, or -"),
            "ratio_verdict": text("faster, slower, equal or undecided for that ratio, or -"),
            "reason": text("what the verdicts rest on"),
        },
        ("claim", "variant"),
    ),
    table(
        "skipped",
        "thing left out",
        SESSION
        | {
            "step": text("build, check, tune, time or ceilings"),
            "what": text("variant, size or contender left out"),
            "reason": text("why"),
        },
        ("step", "what"),
    ),
)

TABLES: Mapping[str, Table] = {each.name: each for each in (*_ALL, *BEYOND_TABLES, *PAPER_TABLES, *FLEET_TABLES)}
KEY: tuple[str, ...] = tuple(KEY_COLUMNS)
