"""passline_softmax: it runs what the choices say, on one thread and on several, and refuses choices that are wrong."""

from __future__ import annotations

import errno
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from built_kernels import Built

from passline.measure.library import Library
from passline.reference import Floats, make_inputs
from passline.registry import KERNELS
from softmax_reference import softmax

NORMAL = {"distribution": "normal", "mean": 0, "deviation": 3}
CLOSE, TINY = 8 * 2.0**-23, float(np.finfo(np.float32).tiny)
BATCH = 4000
"""Elements from which on the choices know batches."""
LENGTHS = (1, 2, 15, 16, 17, 31, 33, 64, 1000, 4097, 70_001)


@pytest.fixture(scope="module")
def library(built: Built) -> Library:
    return built.load()


def presets(built: Built, isa: str, algorithm: str) -> str:
    steps = built.study.algorithms[algorithm].steps
    return " ".join(built.study.preset(s.pass_name, isa, s).name for s in steps)


def choices(built: Built, isa: str) -> str:
    """Short rows reload, longer ones do not, and long ones store past the caches; two threads share from 64 on."""
    short, middle, long = (
        presets(built, isa, name) for name in ("two_pass_ref_reload", "two_pass_ref", "two_pass_ref_nt")
    )
    return (
        f"# made for a test\n{isa} 1 0 0 1 {short}\n{isa} 1 0 100 1 {middle}\nother 1 0 0 1 no-such-variant\n"
        f"{isa} 1 0 5000 1 {long}\n{isa} 1 {BATCH} 0 1 {middle}\n{isa} 1 {BATCH} 200 1 {long}\n"
        f"{isa} 2 0 0 1 {short}\n{isa} 2 0 64 2 {middle}\n{isa} 2 0 5000 2 {long}\n{isa} 2 {BATCH} 0 2 {long}\n"
    )


def opened(library: Library, text: str, isa: str | None, threads: int = 1) -> Any:
    ffi, lib = library.ffi, library.lib
    best = lib.passline_best_new(text.encode(), isa.encode() if isa else ffi.NULL, ffi.NULL, threads)
    assert best != ffi.NULL, errno.errorcode[ffi.errno]
    return ffi.gc(best, lib.passline_best_free)


def rows(library: Library, *arrays: Floats) -> list[Any]:
    return [library.row(array) for array in arrays]


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_all_lengths(library: Library, built: Built, threads: int) -> None:
    for isa in built.isas:
        best = opened(library, choices(built, isa), isa, threads)
        for n in LENGTHS:
            x = make_inputs(NORMAL, n, n)
            y = np.full(n + 2, 7, dtype=np.float32)
            library.lib.passline_softmax(best, n, *rows(library, x, y[1:]))
            assert (y[0], y[-1]) == (7, 7)
            np.testing.assert_allclose(y[1:-1], softmax(x), rtol=1e-6)
            library.lib.passline_softmax(best, n, *rows(library, x, x))
            np.testing.assert_allclose(x, y[1:-1], rtol=1e-6)


def alone(built: Built, library: Library, isa: str, name: str, x: Floats) -> Floats:
    """The same algorithm over the whole row on one thread."""
    y = np.empty_like(x)
    library.call(presets(built, isa, name).split(), x, y)
    return y


def split(built: Built, library: Library, isa: str, name: str, threads: int) -> Any:
    """An algorithm's presets, every row split over so many threads."""
    names = presets(built, isa, name)
    return opened(library, f"{isa} 1 0 0 1 {names}\n{isa} {threads} 0 0 {threads} {names}\n", isa, threads)


@pytest.mark.parametrize("threads", [2, 3])
def test_every_algorithm_can_split_a_row(library: Library, built: Built, threads: int) -> None:
    """Parts may be far from each other, and a part may weigh next to nothing beside the others."""
    algorithms = built.study.algorithms
    for isa, name in ((i, a) for i in built.isas for a in algorithms if not built.study.lacks(a, i)):
        best = split(built, library, isa, name, threads)
        for n, step in ((40, 0), (6400, 30), (6401, -80), (70_001, 60), (70_001, -400)):
            x = make_inputs(NORMAL, n, n)
            x += np.linspace(0, step, n, dtype=np.float32).round()
            y = np.empty_like(x)
            library.lib.passline_softmax(best, n, *rows(library, x, y))
            want, told = alone(built, library, isa, name, x), f"{name} {isa} {n} {step}"
            np.testing.assert_allclose(y, want, rtol=CLOSE, atol=TINY, err_msg=told)
            library.lib.passline_softmax(best, n, *rows(library, x, x))
            np.testing.assert_allclose(x, want, rtol=CLOSE, atol=TINY, err_msg=told)


def test_a_score_far_above_the_others_in_a_part_that_weighs_little(library: Library, built: Built) -> None:
    """Stored exponentials of the part are then large, and their scale is too small for a float."""
    n = 6400
    x = make_inputs(NORMAL, n, 5)
    x[n // 2 :] -= 100
    x[n - 7] += 40
    assert softmax(x)[n - 7] < 1e-26
    for isa in built.isas:
        for name in (a for a in built.study.algorithms if not built.study.lacks(a, isa)):
            y = np.empty_like(x)
            best = split(built, library, isa, name, 2)
            library.lib.passline_softmax(best, n, *rows(library, x, y))
            want = alone(built, library, isa, name, x)
            np.testing.assert_allclose(y, want, rtol=CLOSE, atol=TINY, err_msg=f"{name} {isa}")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parts_that_hold_no_number(library: Library, built: Built, value: float) -> None:
    """One part of a row on two threads is -inf alone; NaN and +inf in either part reach all outputs."""
    n, algorithms = 6400, built.study.algorithms
    for isa, name in ((i, a) for i in built.isas for a in algorithms if not built.study.lacks(a, i)):
        best, told = split(built, library, isa, name, 2), f"{name} {isa}"
        for part in (slice(0, n // 2), slice(n // 2, n)):
            x = make_inputs(NORMAL, n, 1)
            x[part] = -np.inf
            x[part.start + 5] = value
            y = np.empty_like(x)
            library.lib.passline_softmax(best, n, *rows(library, x, y))
            if value == -np.inf:
                np.testing.assert_allclose(y, alone(built, library, isa, name, x), rtol=CLOSE, atol=TINY, err_msg=told)
                assert not y[part].any(), told
            else:
                assert np.isnan(y).all(), told
        x = np.full(n, -np.inf, dtype=np.float32)
        library.lib.passline_softmax(best, n, *rows(library, x, x))
        assert np.isnan(x).all(), told


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("n_rows", "n"), [(1, 9000), (3, 40), (5, 777), (2, 1), (60, 70), (20, 777), (0, 5)])
def test_a_batch_is_its_rows(library: Library, built: Built, threads: int, n_rows: int, n: int) -> None:
    for isa in built.isas:
        best = opened(library, choices(built, isa), isa, threads)
        x = make_inputs(NORMAL, n_rows * (n + 3), 2).reshape(n_rows, n + 3)
        y = np.full((n_rows, n + 5), 7, dtype=np.float32)
        library.lib.passline_softmax_batch(
            best, n_rows, n, library.row(x.reshape(-1)), n + 3, library.row(y.reshape(-1)), n + 5
        )
        assert (y[:, n:] == 7).all()
        for row in range(n_rows):
            np.testing.assert_allclose(y[row, :n], softmax(x[row, :n]), rtol=1e-6)


def in_batch(library: Library, best: Any, x: Floats) -> Floats:
    y = np.full_like(x, 7)
    n_rows, n = x.shape
    library.lib.passline_softmax_batch(best, n_rows, n, library.row(x.reshape(-1)), n, library.row(y.reshape(-1)), n)
    return y


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_a_batch_go_by_its_size(library: Library, built: Built, threads: int) -> None:
    """The very outputs of one algorithm where the batch is just too small, those of another where it is large enough.

    Rows as long as the batch must be are chosen for as rows by themselves.
    """
    isa = next(iter(built.isas))
    best = opened(library, choices(built, isa), isa, threads)
    in_large = {1: ("two_pass_ref", "two_pass_ref_nt"), 2: ("two_pass_ref_nt", "two_pass_ref_nt")}[threads]
    for n, n_rows, name in (
        (80, BATCH // 80 - 1, "two_pass_ref_reload"),
        (80, BATCH // 80, in_large[0]),
        (250, BATCH // 250 - 1, "two_pass_ref"),
        (250, BATCH // 250, in_large[1]),
        (BATCH + 50, 3, "two_pass_ref"),
    ):
        x = make_inputs(NORMAL, n_rows * n, n).reshape(n_rows, n)
        y = in_batch(library, best, x)
        for row in range(n_rows):
            np.testing.assert_array_equal(y[row], alone(built, library, isa, name, x[row]), err_msg=f"{n} {n_rows}")


@pytest.mark.parametrize(("threads", "n_rows"), [(1, 5), (2, 10), (2, 60), (3, 7)])
@pytest.mark.parametrize("begin", [0, 1])
def test_the_calls_of_a_batch_are_parts_of_the_batch_entry(
    library: Library, built: Built, threads: int, n_rows: int, begin: int
) -> None:
    """Whatever call a run begins with, it computes that part of each thread's rows; all calls make the batch."""
    isa = next(iter(built.isas))
    n, calls_in_all = 70, n_rows // threads
    names = presets(built, isa, "two_pass_ref")
    text = f"{isa} 1 0 0 1 {names}\n" + (f"{isa} {threads} 0 0 {threads} {names}\n" if threads > 1 else "")
    x = make_inputs(NORMAL, n_rows * n, 3).reshape(n_rows, n)
    want = np.array([softmax(row) for row in x])
    for calls in (1, calls_in_all - 1, calls_in_all, calls_in_all + 1):
        y = np.full((n_rows, n), 7, dtype=np.float32)
        workload = library.workload(names.split(), list(x[:calls_in_all]), list(y[:calls_in_all]))
        workload.choose(text, isa, [-1] * threads, batch_rows=n_rows)
        workload.begin(begin)
        workload.run(calls)
        done = {(begin + call) % calls_in_all for call in range(calls)}
        computed = set()
        for thread in range(threads):
            first, end = n_rows * thread // threads, n_rows * (thread + 1) // threads
            share = [first + (end - first) * k // calls_in_all for k in range(calls_in_all + 1)]
            computed |= {row for k in done for row in range(share[k], share[k + 1])}
        for row in range(n_rows):
            np.testing.assert_allclose(y[row], want[row] if row in computed else np.full(n, 7), rtol=1e-6)


def test_it_runs_what_the_choices_say(library: Library, built: Built) -> None:
    """A length just below a crossover gives the very outputs of one algorithm, at it those of the next."""
    isa = built.isas[0] if isinstance(built.isas, list) else next(iter(built.isas))
    best = opened(library, choices(built, isa), isa)
    for n, name in ((99, "two_pass_ref_reload"), (100, "two_pass_ref"), (5000, "two_pass_ref_nt")):
        x = make_inputs(NORMAL, n, n)
        y, own = np.empty_like(x), np.empty_like(x)
        library.lib.passline_softmax(best, n, *rows(library, x, y))
        library.call(presets(built, isa, name).split(), x, own)
        assert (y == own).all()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "# nothing\n",
        "{isa} 1 0 5 1 {good}\n",
        "{isa} 1 0 0 2 {good}\n",
        "{isa} 1 0 0 1\n",
        "{isa} 1 0 0 1 f32-rmax-none\n",
        "{isa} 1 0 0 1 {good}\n{isa} 1 0 0 1 {good}\n",
        "{isa} one 0 0 1 {good}\n",
        "{isa} 1 0 0 1 {good} {good} {good}\n",
        "{isa} 2 0 0 1 {good}\n",
        "{isa} 1 0 0 1 {good}\n{isa} 2 0 0 2 {split}\n",
        "{isa} 1 0 1 {good}\n",  # without the elements of a batch
        "{isa} 1 9 0 1 {good}\n",  # nothing about rows
        "{isa} 1 0 0 1 {good}\n{isa} 1 9 5 1 {good}\n",  # nothing about the shortest rows of a batch
        "{isa} 1 0 0 1 {good}\n{isa} 1 9 0 1 {good}\n{isa} 1 0 5 1 {good}\n",  # rows after batches
        "{isa} 1 0 0 1 {good}\n{isa} 1 9 0 1 {good}\n{isa} 1 8 0 1 {good}\n",
    ],
)
def test_wrong_choices_are_refused(library: Library, built: Built, wrong: str) -> None:
    isa = next(iter(built.isas))
    good = presets(built, isa, "two_pass_ref")
    # A pass that stores for the next one cannot be the first of a row in parts: nothing says what these weigh.
    text = wrong.format(isa=isa, good=good, split=" ".join(reversed(good.split())))
    threads = 2 if "{split}" in wrong else 1
    found = library.lib.passline_best_new(text.encode(), isa.encode(), library.ffi.NULL, threads)
    assert found == library.ffi.NULL
    assert library.ffi.errno == errno.EINVAL


def test_a_cpu_that_is_not_there(library: Library, built: Built) -> None:
    isa = next(iter(built.isas))
    cpus = library.ffi.new("int[]", [0, 1 << 20])
    found = library.lib.passline_best_new(choices(built, isa).encode(), isa.encode(), cpus, 2)
    assert found == library.ffi.NULL
    assert library.ffi.errno == errno.EINVAL


def test_a_file_that_is_not_there(library: Library) -> None:
    found = library.lib.passline_best_open(b"/nowhere/crossovers.txt", library.ffi.NULL, library.ffi.NULL, 1)
    assert found == library.ffi.NULL
    assert library.ffi.errno == errno.ENOENT


def test_the_program_of_the_readme(built: Built, tmp_path: Path) -> None:
    readme = (KERNELS / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```c\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "example.c").write_text(program)
    isa = list(built.isas)[-1]
    (tmp_path / "crossovers.txt").write_text(f"any 1 0 0 1 {presets(built, isa, 'two_pass_ref')}\n")
    compiled = [
        "gcc",
        "-std=c11",
        "-Wall",
        "-Werror",
        "-I",
        str(KERNELS),
        "example.c",
        str(built.path),
        "-o",
        "example",
    ]
    subprocess.run(compiled, cwd=tmp_path, check=True)
    said = subprocess.run(["./example", "crossovers.txt"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert said.stdout.startswith("sum 1.0000")
    nothing = subprocess.run(["./example", "none.txt"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert nothing.returncode == 1
    assert "crossovers.txt: No such file or directory" in nothing.stderr
