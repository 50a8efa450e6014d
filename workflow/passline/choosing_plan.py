"""What the choosing step times: all that `best` may pick, over a coarse sweep of rows and in batches from memory."""

from __future__ import annotations

from collections.abc import Sequence

from passline import plan_beyond
from passline.contenders import Built, consumed
from passline.measure.spec import Block
from passline.plan import MEMORY_SHARE, TUNE_SWEEPS, Planner
from passline.plan_points import CONSUMED, HOT, STREAMED, Batch, Point, rows_of
from passline.sizes import SMALL_SHARE, batch_sizes, choosing_sizes


def blocks(planner: Planner, builds: Sequence[Built]) -> list[Block]:
    """A block per length; none where no blocks beyond the paper are asked for.

    On one thread, and on as many as a group wants to share a row or a batch. Rows up to the longest of these groups;
    where non-temporal stores may pay, from an eighth of the LLC on, also with y read next. Batches of shorter rows are
    streamed from memory, where there is room for them.
    """
    groups = [group for group in planner.config["blocks"] if plan_beyond.is_beyond(group)]
    longest = max((n for group in groups for n, _ in planner.resolve_sizes(group)), default=0)
    cores = len(planner.host.cpus)
    threads = sorted({1} | {count for group in groups for count in planner.shares(group) if count <= cores})
    isas, _ = planner.resolve_isas("simd")
    found = [c for b in builds for c in plan_beyond.candidates(planner.study, b, isas, threads)]
    sound, _ = planner.sound(found, builds)
    sizes = [n for n in choosing_sizes(planner.host.caches) if n <= longest]
    large = planner.host.caches.elements("llc", SMALL_SHARE)
    points = [Point(HOT, n, "normal") for n in sizes]
    points += [Point(CONSUMED, n, "normal") for n in sizes if n >= large]
    batches = [_batch(planner, n) for n in batch_sizes(planner.host.caches) if n <= longest]
    points += [point for point in batches if _fits(planner, point, threads)]
    made: list[Block] = []
    for point in points if sound else []:
        timed = [consumed(c, planner.ceilings, isas[-1]) for c in sound] if point.protocol == CONSUMED else sound
        block = planner.block(f"choose-{point.name}", point, timed, [])
        rounds = planner.design.choose_rounds if threads == [1] else planner.design.choose_rounds_shared
        made.append({**block, "rounds": rounds, "sweeps": TUNE_SWEEPS})
    return made


def _batch(planner: Planner, n: int) -> Point:
    return Point(HOT, n, "normal", batch=Batch(rows_of(STREAMED, n, 1, planner.host.caches.llc)))


def _fits(planner: Planner, point: Point, threads: Sequence[int]) -> bool:
    """Whether the rows of each number of threads fit into memory."""
    needed = planner.bytes_needed(point.protocol, point.n_elements, point.batch) * len(threads)
    return needed <= MEMORY_SHARE * planner.host.memory_bytes
