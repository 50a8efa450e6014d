"""Hot loops in stored listings of both compilers, and in one written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from passline.disassembly import HotLoop, functions, hot_loop, hot_loops, unanalysed

FIXTURES = Path(__file__).parents[1] / "fixtures" / "disassembly"
BY_HAND = dict(functions((FIXTURES / "by-hand.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("listing", "symbol", "instructions", "vectors", "stack"),
    [
        # Two loads, two maxima, four instructions to count and jump; the tail outside is not counted.
        ("gcc-rmax-avx512f", "f32_rmax_avx512f_u32_acc2", 8, 4, 0),
        ("clang-vscaleexpminusmax-avx2", "f32_vscaleexpminusmax_avx2_rr2_p5_u8", 22, 17, 0),
        ("gcc-vscaleextexp-avx2-spill", "f32_vscaleextexp_avx2_p5_u8", 21, 17, 1),
        # The inner loop was not unrolled and its vectors go through the stack.
        ("clang-rmax-scalar", "f32_rmax_scalar_u2_acc1", 6, 3, 1),
    ],
)
def test_what_compilers_made(listing: str, symbol: str, instructions: int, vectors: int, stack: int) -> None:
    loop = hot_loops(FIXTURES / f"{listing}.txt", {symbol: "variant"})["variant"]
    assert loop.reason is None
    assert (loop.instructions, loop.vector_instructions) == (instructions, vectors)
    assert (loop.stack_references, loop.calls) == (stack, 0)


def test_addresses_of_a_loop() -> None:
    loop = hot_loops(FIXTURES / "gcc-rmax-avx512f.txt", {"f32_rmax_avx512f_u32_acc2": "v"})["v"]
    assert (loop.first, loop.last) == (0x30, 0x55)


def test_a_spill_and_a_call() -> None:
    loop = hot_loop(BY_HAND["spill_and_call"])
    assert loop.instructions == 8
    assert loop.calls == 1
    # Two through the frame pointer and one through the stack pointer; lea computes an address and reads nothing.
    assert loop.stack_references == 3


def test_rbp_counts_only_as_frame_pointer() -> None:
    loop = hot_loop(BY_HAND["rbp_is_ordinary"])
    assert (loop.instructions, loop.stack_references) == (5, 0)


def test_the_innermost_loop_is_hot_though_the_outer_one_has_more_vectors() -> None:
    loop = hot_loop(BY_HAND["nested"])
    assert (loop.instructions, loop.vector_instructions, loop.stack_references) == (5, 2, 0)


def test_a_block_out_of_line_belongs_to_its_loop_and_one_that_leaves_does_not() -> None:
    loop = hot_loop(BY_HAND["cold_block_jumps_back"])
    assert loop.instructions == 9
    assert loop.stack_references == 1


def test_an_iteration_without_what_is_rare_leaves_out_blocks_behind_a_forward_branch() -> None:
    listing = (FIXTURES / "gcc-raddexponline-avx512f-out-of-line.txt").read_text(encoding="utf-8")
    (body,) = dict(functions(listing)).values()
    loop = hot_loop(body)
    # The running maximum rises: gcc moved what then rescales the sums behind the function's end, and jumps back.
    assert loop.instructions is not None
    assert len(loop.straight) < loop.instructions
    assert (loop.straight[0], loop.straight[-1]) == (0xB8, 0x25A)
    assert loop.last is not None
    assert loop.last > 0x5B0
    assert loop.straight == tuple(i.address for i in body if 0xB8 <= i.address <= 0x25A)


def test_a_loop_without_branches_runs_as_a_whole() -> None:
    loop = hot_loops(FIXTURES / "gcc-rmax-avx512f.txt", {"f32_rmax_avx512f_u32_acc2": "v"})["v"]
    assert len(loop.straight) == loop.instructions


def test_a_cold_block_in_the_middle_of_which_the_loop_goes_on_is_left_out() -> None:
    listing = "\n".join((
        "0 <cold_first>:", "   0:\tvaddps %ymm1,%ymm2,%ymm3", "   4:\tvmovups (%rdi),%ymm1", "   8:\tcmp %rax,%rbx",
        "   c:\tja 18 <x>", "  10:\tadd $1,%rdi", "  14:\tjne 4 <x>", "  16:\tret", "  18:\tvmulps %ymm1,%ymm1,%ymm1",
        "  1c:\tjmp 10 <x>",
    ))  # fmt: skip
    loop = hot_loop(dict(functions(listing))["cold_first"])
    assert loop.instructions == 7
    assert loop.straight == (4, 8, 0xC, 0x10, 0x14)


def test_no_loop_is_a_value_with_a_reason() -> None:
    for name in ("no_loop", "only_integers"):
        loop = hot_loop(BY_HAND[name])
        assert loop.instructions is loop.stack_references is loop.calls is None
        assert loop.reason == "no loop holds vector instructions"


def test_other_architectures_are_not_analysed(tmp_path: Path) -> None:
    path = tmp_path / "listing.txt"
    path.write_text(
        "variant.o:     file format elf64-littleaarch64\n\n0000000000000000 <f>:\n   0:\tret\n", encoding="utf-8"
    )
    loop = hot_loops(path, {"f": "variant"})["variant"]
    assert loop.instructions is None
    assert loop.reason is not None
    assert "elf64-littleaarch64" in loop.reason
    assert unanalysed("nothing") is not None


def test_a_function_that_is_not_there() -> None:
    loop = hot_loops(FIXTURES / "by-hand.txt", {"absent": "variant"})["variant"]
    assert loop == HotLoop(reason="the listing does not hold the function")
