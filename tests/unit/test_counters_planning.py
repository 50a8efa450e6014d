"""Which passes are counted, and where; why some are not; and what that takes."""

import pytest

from passline.counters import step
from passline.counters.planning import Place, batches

LLC = 1 << 20
NEAR, FAR = LLC // 32, LLC
"""Elements: x and y in a quarter of the cache, and x alone four times as long as it."""


def contender(study="softmax", name="v"):
    return {"name": f"cc {name}", "library": "cc", "variants": [name], "key": {"study": study, "variant": name}}


def block(n, kind="passes", protocol="hot", contenders=None):
    return {
        "name": f"{kind}-{protocol}-n{n}-uniform-huge",
        "protocol": protocol,
        "n_elements": n,
        "threads": 1,
        "contenders": contenders or [contender(), contender("ceilings", "roof")],
    }


def place(cpus=(1, 0), instances=1, memory=1 << 30):
    return Place(tuple(cpus), LLC, instances, memory)


def test_the_longest_rows_in_cache_and_all_out_of_it_are_counted():
    sizes = (256, NEAR, LLC // 8, FAR, 2 * FAR)
    found, left_out = batches([block(n) for n in sizes], place())
    assert [(b.block["n_elements"], len(b.cpus), b.out_of_cache) for b in found] == [
        (LLC // 16 if LLC // 16 in sizes else NEAR, 1, False),
        (FAR, 1, True),
        (2 * FAR, 1, True),
        (FAR // 2, 2, True),
    ]
    assert left_out == []
    assert {b.cpus[0] for b in found} == {1}


def test_passes_alone_are_counted_and_no_ceilings_no_algorithms_no_other_protocol():
    blocks = [block(FAR, kind) for kind in ("algorithms", "split")] + [block(FAR, protocol="paper")]
    found, left_out = batches(blocks, place())
    assert found == []
    assert "no pass was timed alone" in left_out[0]
    (one, several), _ = batches([*blocks, block(FAR)], place())
    for batch in (one, several):
        assert [c["variants"] for c in batch.block["contenders"]] == [["v"]]
        point = {"n_elements": batch.block["n_elements"], "threads": len(batch.cpus), "n_rows": len(batch.cpus)}
        assert batch.block["contenders"][0]["key"] == {"study": "softmax", "variant": "v", **point}


@pytest.mark.parametrize(("cpus", "instances"), [((1, 0), 1), (range(6), 1), (range(8), 4), (range(7), 2)])
def test_threads_together_walk_over_more_than_all_their_caches_hold(cpus, instances):
    found, _ = batches([block(FAR)], place(cpus, instances))
    shared = found[-1]
    assert len(shared.cpus) == len(tuple(cpus))
    x_bytes = 4 * shared.block["n_elements"] * len(shared.cpus)
    assert 4 * LLC * instances <= x_bytes < 4 * LLC * instances + 4 * len(shared.cpus)
    assert shared.footprint_bytes == 2 * x_bytes


@pytest.mark.parametrize(
    ("blocks", "where", "says"),
    [
        ([], place(), "no pass was timed alone with its rows in place"),
        ([block(NEAR)], place(), "no pass was timed alone at 4 x LLC or more"),
        ([block(FAR)], place(cpus=[0]), "the NUMA node has one core"),
        ([block(FAR)], place(memory=9 << 20), "2 threads: rows of 0.0 GB do not fit into 80% of the memory"),
    ],
)
def test_what_is_not_counted_is_said(blocks, where, says):
    found, left_out = batches(blocks, where)
    assert len(left_out) == 1
    assert says in left_out[0]
    assert all(len(b.cpus) == 1 for b in found)


def test_counting_takes_longer_the_slower_memory_is_and_the_more_there_is_to_count():
    few, _ = batches([block(FAR)], place())
    more, _ = batches([block(NEAR), block(FAR, contenders=[contender(), contender(name="w")])], place())
    assert 0 < step.seconds(few, 1e-10) < step.seconds(few, 1e-8)
    assert step.seconds(few, 1e-10) < step.seconds(more, 1e-10)
    assert step.seconds([], 1e-10) == 0
