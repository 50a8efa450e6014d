"""A checkout of the working tree in a temporary folder, and snakemake run in it as a user would."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from checkouts import Done, copy_to, run

Run = Callable[..., Done]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the workflow reads, so that a test can break it."""
    return copy_to(tmp_path)


@pytest.fixture
def snakemake(checkout: Path) -> Run:
    """Run snakemake in the checkout; its package is the checkout's own."""
    return partial(run, checkout)


@pytest.fixture(scope="module")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy for all tests of a file, which build on each other."""
    return copy_to(tmp_path_factory.mktemp("checkout"))
