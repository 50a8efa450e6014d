"""Made-up tables, computed once per test process."""

from __future__ import annotations

import pandas as pd
import pytest
import synthetic


@pytest.fixture(scope="session")
def full_timings() -> pd.DataFrame:
    """Table `timings` of a full made-up session."""
    return synthetic.timings(synthetic.FULL)


@pytest.fixture(scope="session")
def full() -> dict[str, pd.DataFrame]:
    """All tables of a full made-up session."""
    return synthetic.tables(synthetic.FULL)


@pytest.fixture(scope="session")
def minimal() -> dict[str, pd.DataFrame]:
    """All tables of the least there can be: scalar, presets, one protocol, two sizes, three rounds, a smoke run."""
    return synthetic.tables(synthetic.MINIMAL)
