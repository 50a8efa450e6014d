"""Where one algorithm takes over from another, on made-up times of known truth."""

from __future__ import annotations

import pandas as pd
import pytest

from passline.choices_text import text
from passline.choosing import crossover_rows
from passline.tables import KEY, conform

VARIANTS = {
    ("short", "avx2"): ["f32-a-avx2"],
    ("long", "avx2"): ["f32-b-avx2"],
    ("streaming", "avx2"): ["f32-b-avx2", "f32-c-avx2-nt-u16"],
    ("short", "avx512f"): ["f32-a-avx512f"],
}


SLOW_ROUNDS = (1.0, 1.7, 1.1, 1.0, 1.3, 1.0, 1.2, 1.0, 1.1)
"""Rounds of which some are slow as a whole: nobody loses by that."""


def timings(
    times: dict[tuple[str, str, str, int], float], threads: int = 1, rounds: int = 9, n_rows: int = 1
) -> pd.DataFrame:
    """(protocol, algorithm, isa, n) -> seconds."""
    rows = []
    for (protocol, algorithm, isa, n), seconds in times.items():
        for number, slow in enumerate(SLOW_ROUNDS[:rounds]):
            key = dict.fromkeys(KEY, "-") | {
                "build_id": "id", "algorithm": algorithm, "isa": isa, "variant": "tuned", "n_elements": n,
                "cache_protocol": protocol, "pass_index": 0, "threads": threads, "n_rows": n_rows, "value_index": 0,
                "block": f"choose-{protocol}-{n}-{n_rows}", "round": number, "is_warmup": False,
            }  # fmt: skip
            rows.append(key | {"time_s": seconds * slow})
    return pd.DataFrame(rows)


def found(times: dict[tuple[str, str, str, int], float]) -> pd.DataFrame:
    return conform("crossovers", crossover_rows(timings(times), {"id": VARIANTS}))


def shared(alone: dict[int, float], together: dict[int, float], spoilt: dict[int, int], rounds: int = 9) -> list[int]:
    """Threads taken at each length, by ascending length, where in so many rounds both threads had one core."""
    one, two = (
        timings({("hot", "short", "avx2", n): s for n, s in times.items()}, threads, rounds)
        for times, threads in ((alone, 1), (together, 2))
    )
    unlucky = two["round"] < two["n_elements"].map(spoilt).fillna(0)
    two.loc[unlucky, "time_s"] *= 3
    rows = conform("crossovers", crossover_rows(pd.concat([one, two]), {"id": VARIANTS}))
    return list(rows[(rows["isa"] == "avx2") & (rows["threads"] == 2)]["threads_used"])


def test_each_length_gets_its_fastest_and_the_crossover_lies_between_them() -> None:
    times = {("hot", "short", "avx2", 100): 1.0, ("hot", "long", "avx2", 100): 1.2}
    times |= {("hot", "short", "avx2", 400): 5.0, ("hot", "long", "avx2", 400): 4.0}
    rows = found(times)
    mine = rows[rows["isa"] == "avx2"]
    assert list(mine["algorithm"]) == ["short", "long"]
    assert list(mine["n_from"]) == [0, 200]
    assert list(mine["time_over_fastest"]) == [1.0, 1.0]
    assert list(mine["next_over_chosen"]) == pytest.approx([1.2, 1.25])
    assert text(rows[rows["isa"] == "avx2"], "id").splitlines()[1:] == [
        "avx2 1 0 0 1 f32-a-avx2",
        "avx2 1 0 200 1 f32-b-avx2",
    ]


def test_a_gain_below_one_percent_changes_nothing() -> None:
    times = {("hot", "short", "avx2", 100): 1.0, ("hot", "long", "avx2", 100): 1.2}
    times |= {("hot", "short", "avx2", 400): 4.02, ("hot", "long", "avx2", 400): 4.0}
    rows = found(times)
    assert list(rows[rows["isa"] == "avx2"]["algorithm"]) == ["short", "short"]
    assert rows[rows["isa"] == "avx2"]["time_over_fastest"].iloc[1] == pytest.approx(1.005)


@pytest.mark.parametrize(
    ("read_next", "picks"),
    [({"long": 5.0, "streaming": 4.5}, "streaming"), ({"long": 5.0, "streaming": 5.5}, "long"), ({}, "long")],
)
def test_stores_past_the_caches_must_win_where_y_is_read_next_too(read_next: dict[str, float], picks: str) -> None:
    times = {("hot", "long", "avx2", 400): 4.0, ("hot", "streaming", "avx2", 400): 3.0}
    times |= {("consumed", name, "avx2", 400): seconds for name, seconds in read_next.items()}
    assert list(found(times)["algorithm"]) == [picks, picks]  # on avx2, and on any


def test_any_instruction_set_is_the_fastest_of_all() -> None:
    rows = found({("hot", "short", "avx2", 100): 1.0, ("hot", "short", "avx512f", 100): 0.7})
    assert dict(zip(rows["isa"], rows["algorithm_isa"], strict=True)) == {
        "any": "avx512f",
        "avx2": "avx2",
        "avx512f": "avx512f",
    }


def test_several_threads_share_a_row_where_that_is_faster_from_the_length_on_where_it_was_seen() -> None:
    alone = {("hot", "short", "avx2", 100): 1.0, ("hot", "short", "avx2", 400): 4.0, ("hot", "long", "avx2", 400): 4.1}
    shared = {("hot", "short", "avx2", 100): 1.5, ("hot", "short", "avx2", 400): 3.0, ("hot", "long", "avx2", 400): 2.0}
    rows = crossover_rows(pd.concat([timings(alone), timings(shared, 2)]), {"id": VARIANTS})
    found = conform("crossovers", rows)
    assert text(found[found["isa"] == "avx2"], "id").splitlines()[1:] == [
        "avx2 1 0 0 1 f32-a-avx2",
        "avx2 2 0 0 1 f32-a-avx2",
        "avx2 2 0 400 2 f32-b-avx2",
    ]
    last = found[(found["isa"] == "avx2") & (found["threads"] == 2)].iloc[-1]
    assert (last["threads_used"], last["next_algorithm"], last["next_threads"]) == (2, "short", 2)


def test_one_spoilt_round_in_nine_hides_no_gain_and_two_make_it_unsure() -> None:
    assert [shared({400: 4.0}, {400: 2.7}, {400: spoilt}) for spoilt in (0, 1, 2)] == [[2], [2], [1]]


def test_in_few_rounds_several_threads_are_never_surely_faster() -> None:
    assert [shared({400: 4.0}, {400: 2.0}, {}, rounds) for rounds in (3, 5, 6)] == [[1], [1], [2]]


def test_a_gain_of_several_threads_must_be_worth_a_change() -> None:
    assert shared({400: 4.0}, {400: 3.98}, {}) == [1]


def test_between_two_lengths_that_are_sure_the_median_decides() -> None:
    one, two = {100: 1.0, 400: 4.0, 1600: 16.0, 6400: 64.0}, {100: 1.5, 400: 2.0, 1600: 9.0, 6400: 32.0}
    assert shared(one, two, {1600: 3}) == [1, 2, 2, 2]
    assert shared(one, two, {6400: 3}) == [1, 2, 2, 1], "at an end nothing is between"
    assert shared(one, two, {1600: 5}) == [1, 2, 1, 2], "in most rounds it was slower"


def test_fewer_threads_begin_behind_the_last_length_that_gained() -> None:
    one, two = ({("hot", "short", "avx2", n): s for n, s in times} for times in (
        ((100, 1.0), (400, 4.0)), ((100, 0.6), (400, 5.0)),
    ))  # fmt: skip
    rows = crossover_rows(pd.concat([timings(one), timings(two, 2)]), {"id": VARIANTS})
    assert "avx2 2 0 101 1 f32-a-avx2" in text(rows, "id").splitlines()


def test_what_is_far_behind_where_y_is_read_next_does_not_win_as_stores_past_the_caches_may_not() -> None:
    times = {("hot", "long", "avx2", 400): 1.2, ("consumed", "long", "avx2", 400): 1.4}
    times |= {("hot", "short", "avx2", 400): 1.25, ("consumed", "short", "avx2", 400): 1.0}
    times |= {("hot", "streaming", "avx2", 400): 1.0, ("consumed", "streaming", "avx2", 400): 1.1}
    assert set(found(times)["algorithm"]) == {"short"}


def test_rows_of_batches_from_memory_are_chosen_for_by_themselves() -> None:
    """Four times what fills the cache was streamed, and the choices hold from twice as much on; hot alone decides."""
    rows = {("hot", "short", "avx2", n): 1.0 * n for n in (100, 400)} | {("hot", "streaming", "avx2", 400): 500.0}
    batch = {("hot", "short", "avx2", 100): 100.0, ("hot", "streaming", "avx2", 100): 110.0}
    longer = {("hot", "short", "avx2", 400): 400.0, ("hot", "streaming", "avx2", 400): 300.0}
    every = [timings(rows), timings(batch, n_rows=160), timings(longer, n_rows=40)]
    every += [timings({k: 0.6 * s for k, s in longer.items()}, 2, n_rows=40), timings(batch, 2, n_rows=160)]
    made = conform("crossovers", crossover_rows(pd.concat(every), {"id": VARIANTS}))
    assert text(made[made["isa"] == "avx2"], "id").splitlines()[1:] == [
        "avx2 1 0 0 1 f32-a-avx2",
        "avx2 1 8000 0 1 f32-a-avx2",
        "avx2 1 8000 200 1 f32-b-avx2 f32-c-avx2-nt-u16",
        "avx2 2 0 0 1 f32-a-avx2",
        "avx2 2 8000 0 1 f32-a-avx2",
        "avx2 2 8000 400 2 f32-b-avx2 f32-c-avx2-nt-u16",
    ]


def test_where_several_threads_do_not_win_the_choice_is_that_of_one() -> None:
    """Though on two threads ordinary stores win where y is read next, so that a choice of its own would take others."""
    one = {("hot", "short", "avx2", 100): 2.0, ("hot", "streaming", "avx2", 100): 1.0}
    one |= {("consumed", "short", "avx2", 100): 2.0, ("consumed", "streaming", "avx2", 100): 1.5}
    two = {("hot", "short", "avx2", 100): 1.1, ("consumed", "short", "avx2", 100): 1.2}
    both = pd.concat([timings(one), timings(two, threads=2)])
    rows = conform("crossovers", crossover_rows(both, {"id": VARIANTS})).query("isa == 'avx2'").set_index("threads")
    assert list(rows["algorithm"]) == ["streaming", "streaming"]
    assert list(rows["threads_used"]) == [1, 1]
    assert rows["time_over_fastest_consumed"].loc[2] == pytest.approx(1.25), "the price is told"


def test_the_same_variants_on_more_threads_are_another_choice() -> None:
    alone = {("hot", "short", "avx2", 100): 1.0, ("hot", "short", "avx2", 400): 4.0}
    shared = {("hot", "short", "avx2", 100): 1.5, ("hot", "short", "avx2", 400): 2.0}
    found = crossover_rows(pd.concat([timings(alone), timings(shared, 2)]), {"id": VARIANTS})
    assert "avx2 2 0 400 2 f32-a-avx2" in text(found, "id").splitlines()


def test_without_rounds_there_is_nothing_to_choose() -> None:
    assert conform("crossovers", crossover_rows(pd.DataFrame(), {})).empty
    assert text(conform("crossovers", pd.DataFrame()), "id").startswith("#")


def test_each_build_keeps_the_variants_it_was_tuned_to() -> None:
    one = timings({("hot", "short", "avx2", 100): 1.0})
    other = {("short", "avx2"): ["f32-a-avx2-u32"]}
    rows = crossover_rows(pd.concat([one, one.assign(build_id="other")]), {"id": VARIANTS, "other": other})
    assert text(rows, "id").splitlines()[-1] == "any 1 0 0 1 f32-a-avx2"
    assert text(rows, "other").splitlines()[-1] == "any 1 0 0 1 f32-a-avx2-u32"
