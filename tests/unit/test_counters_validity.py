"""Which differences of readings are believed. Pure functions: no kernel, and no machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passline.counters import validity
from passline.counters.records import Event, Group, Reading
from passline.counters.validity import deltas, unbelievable, wrapped

SECOND = 10**9


def event(direction="read", unit="B", per_count=64.0):
    return Event("uncore_imc_0", 1500, "cas", "event=4", 4, 0, 0, direction, per_count, unit, "1", "sysfs")


UNCORE = Group((event("read"), event("write")), -1, 0, 0)
THREAD = Group((event("cycles", "cycles", 1.0),), 0, -1, None)


def reading(values, *, at=0, enabled=None, running=None, ids=None, read_ns=1000):
    enabled = at + 5 if enabled is None else enabled
    running = enabled if running is None else running
    ids = range(7, 7 + len(values)) if ids is None else ids
    pairs = [word for pair in zip(values, ids, strict=True) for word in pair]
    words = (len(values), enabled, running, *pairs)
    return Reading(at, at + read_ns, 8 * len(words), words)


def kinds(found):
    return {delta.refusal.kind if delta.refusal else None for delta in found}


def test_two_good_readings_are_a_difference_of_bytes():
    found = deltas(UNCORE, reading([10, 20], at=SECOND), reading([110, 20], at=2 * SECOND))
    assert [d.count for d in found] == [100, 0]
    assert [d.value for d in found] == [6400.0, 0.0]
    assert {(d.enabled_ns, d.running_ns) for d in found} == {(SECOND, SECOND)}
    assert kinds(found) == {None}


@given(
    st.lists(st.integers(0, 2**62), min_size=2, max_size=2),
    st.lists(st.integers(0, 10**8), min_size=2, max_size=2),
    st.integers(10**6, 10**11),
)
def test_any_honest_pair_of_readings_is_believed(first, moved, ns):
    moved = [min(m, ns // 10) for m in moved]  # below what any machine can move
    last = [a + b for a, b in zip(first, moved, strict=True)]
    found = deltas(UNCORE, reading(first, at=SECOND), reading(last, at=SECOND + ns))
    saturated = any(a == b >= validity.SATURATED for a, b in zip(first, last, strict=True))
    if not saturated:
        assert [d.count for d in found] == moved


def test_a_reading_without_bytes_is_missing_and_never_zero():
    gone = Reading(2 * SECOND, 2 * SECOND + 1, 0, ())
    found = deltas(UNCORE, reading([1, 1], at=SECOND), gone)
    assert kinds(found) == {"unscheduled"}
    assert [d.count for d in found] == [None, None]


def test_a_failed_read_names_its_errno():
    failed = Reading(0, 1, -9, ())
    (first, _) = deltas(UNCORE, failed, reading([1, 1], at=SECOND))
    assert "EBADF" in first.refusal.reason


@pytest.mark.parametrize("cut", [8, 24, 48])
def test_a_short_reading_is_garbage(cut):
    whole = reading([1, 2], at=SECOND)
    short = Reading(whole.before_ns, whole.after_ns, cut, whole.words[: cut // 8])
    assert kinds(deltas(UNCORE, short, reading([1, 2], at=2 * SECOND))) == {"garbage"}


def test_readings_of_other_events_are_garbage():
    before, after = reading([1, 2], at=SECOND), reading([1, 2], at=2 * SECOND, ids=[7, 9])
    assert kinds(deltas(UNCORE, before, after)) == {"garbage"}


def test_a_group_that_never_ran_is_missing():
    before = reading([0, 0], at=SECOND, running=0)
    assert kinds(deltas(UNCORE, before, reading([0, 0], at=2 * SECOND, running=0))) == {"never ran"}
    stopped = reading([5, 5], at=2 * SECOND, running=SECOND + 5)
    assert kinds(deltas(UNCORE, reading([5, 5], at=SECOND), stopped)) == {"never ran"}


def test_a_multiplexed_group_is_refused_and_not_scaled():
    after = reading([100, 100], at=2 * SECOND, running=SECOND + 5 + SECOND // 2)
    found = deltas(UNCORE, reading([0, 0], at=SECOND), after)
    assert kinds(found) == {"multiplexed"}
    assert "0.500 of the time" in found[0].refusal.reason


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_group_of_an_offline_cpu_is_found_by_the_clock(share):
    """Enabled and running stand still together: their ratio is 1, and only the clock tells."""
    enabled = SECOND + 5 + int(share * SECOND)
    after = reading([50, 50], at=2 * SECOND, enabled=enabled)
    found = deltas(UNCORE, reading([0, 0], at=SECOND), after)
    assert kinds(found) == {"frozen"}
    assert "go offline" in found[0].refusal.reason


@pytest.mark.parametrize("share", [0.995, 1.0, 1.005])
def test_clocks_that_differ_by_less_than_a_percent_agree(share):
    after = reading([50, 50], at=2 * SECOND, enabled=SECOND + 5 + int(share * SECOND))
    assert kinds(deltas(UNCORE, reading([0, 0], at=SECOND), after)) == {None}


def test_more_enabled_than_the_clock_advanced_is_garbage():
    after = reading([50, 50], at=2 * SECOND, enabled=SECOND + 5 + int(1.02 * SECOND))
    assert kinds(deltas(UNCORE, reading([0, 0], at=SECOND), after)) == {"garbage"}


def test_a_slow_reading_widens_what_the_clock_allows():
    """The counters are read somewhere inside the call: with a slow interrupt, neither clock reading is the moment."""
    before = reading([0, 0], at=SECOND, read_ns=SECOND // 2)
    for enabled in (SECOND // 2, SECOND):
        after = reading([50, 50], at=2 * SECOND, enabled=SECOND + 5 + enabled)
        assert kinds(deltas(UNCORE, before, after)) == {None}


def test_a_thread_that_waited_counts_less_time_than_the_clock_and_is_believed():
    after = reading([50], at=2 * SECOND, enabled=SECOND + 5 + SECOND // 4)
    assert kinds(deltas(THREAD, reading([0], at=SECOND), after)) == {None}
    never = reading([50], at=2 * SECOND, enabled=SECOND + 5)
    assert kinds(deltas(THREAD, reading([50], at=SECOND), never)) == {"frozen"}


@pytest.mark.parametrize(
    ("first", "last", "kind", "says"),
    [
        (2**48 - 10, 5, "negative", "a wrap at 48 bits it would be 15"),
        (2**44 - 10, 5, "negative", "a wrap at 44 bits it would be 15"),
        (2**32 - 10, 5, "negative", "a wrap at 32 bits it would be 15"),
        (1000, 5, "negative", "from 1000 to 5"),
        (0, 2**64 - 1, "garbage", "below zero"),
        (2**64 - 5, 3, "garbage", "below zero"),
        (2**48 - 1, 2**48 - 1, "saturated", "reached its end"),
        (0, 2**47, "impossible", "more than"),
    ],
)
def test_counts_that_no_counter_makes(first, last, kind, says):
    refusal = unbelievable(first, last, 1.0, 1e12)
    assert refusal.kind == kind
    assert says in refusal.reason


def test_an_idle_counter_is_no_saturated_one():
    assert unbelievable(12345, 12345, 1.0, 1e12) is None


@given(st.sampled_from(validity.COUNTER_WIDTHS), st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_wrap_is_recognised_at_its_width(width, before_end, after_start):
    assert wrapped(2**width - before_end, after_start) == width


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_whatever_is_read_a_believed_count_is_possible(first, last):
    refusal = unbelievable(first, last, 0.02, 1e12)
    if refusal is None:
        assert 0 <= last - first <= 0.02 * 1e12
        assert max(first, last) < 2**63


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 3 * 10**9), st.integers(0, 3 * 10**9))
def test_times_are_believed_only_where_they_agree_with_the_clock(ns, start, enabled, running):
    before = reading([0, 0], at=SECOND, enabled=start + 1, running=start + 1, read_ns=0)
    after = reading([1, 1], at=SECOND + ns, enabled=start + 1 + enabled, running=start + 1 + running, read_ns=0)
    if validity.mistimed(before, after, own_thread=False) is None:
        assert enabled == running
        assert abs(enabled - ns) <= 0.01 * ns + 1


def test_a_sum_that_stands_still_while_something_must_move_is_refused():
    assert validity.flat(0.0, 1e9).kind == "flat"
    assert validity.flat(0.0, 0.0) is None
    assert validity.flat(0.5e9, 1e9) is None  # a scale that is off is for the calibration to find


def test_a_refused_part_refuses_the_sum_and_names_the_unit():
    good = deltas(UNCORE, reading([0, 0], at=SECOND), reading([9, 9], at=2 * SECOND))
    bad = deltas(UNCORE, reading([9, 9], at=SECOND), reading([0, 9], at=2 * SECOND))
    assert validity.first_refusal(good) is None
    refusal = validity.first_refusal([*good, *bad])
    assert refusal.kind == "negative"
    assert refusal.reason.startswith("uncore_imc_0/cas/ on cpu 0: ")


def test_the_limit_is_the_machines_where_it_is_known():
    before, after = reading([0, 0], at=SECOND), reading([10**9, 0], at=2 * SECOND)  # 64 GB in a second
    assert kinds(deltas(UNCORE, before, after, {"B": 50e9})) == {"impossible", None}
    assert kinds(deltas(UNCORE, before, after, {"B": 100e9})) == {None}
