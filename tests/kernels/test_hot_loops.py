"""What the compiler made of the kernels: every pass has a variant whose hot loop stays in registers."""

from __future__ import annotations

import pytest
from built_kernels import Built

from passline.build import run
from passline.disassembly import functions, hot_loop, unanalysed


def test_every_pass_has_a_variant_without_spills_and_calls(built: Built) -> None:
    listing = run(["objdump", "-d", "--no-show-raw-insn", str(built.path)])
    reason = unanalysed(listing)
    if reason is not None:
        pytest.skip(reason)
    loops = {symbol: hot_loop(body) for symbol, body in functions(listing)}
    for name in built.study.passes:
        for isa in built.isas:
            variants = built.study.variants_of(name, isa)
            if not variants:
                continue
            found = {variant.name: loops[variant.symbol] for variant in variants}
            assert all(loop.reason is None for loop in found.values()), found
            assert all(loop.calls == 0 for loop in found.values()), found
            clean = [variant for variant in variants if found[variant.name].stack_references == 0]
            # A loop of raddexponline also moves references, which is rare; with 16 registers it spills.
            assert clean or (name, isa) == ("raddexponline", "avx2"), found
            # XNNPACK needs 12 to 20 vector instructions per vector, and a store and a load beside.
            for variant in clean if isa != "scalar" else []:
                vectors = variant.step // variant.lanes
                count = found[variant.name].vector_instructions
                assert count is not None
                assert count / vectors <= 26, found[variant.name]
