"""The tidy tables: validated when written and when read, never half written."""

import pandas as pd
import pytest

from passline.errors import TableError
from passline.tables import NOT_APPLICABLE, TABLES, header, read_table, write_table


def facts(**changes):
    row = {"machine": "m", "key": "cores", "value": "2", "unit": "-", "origin": "sysfs"} | changes
    return pd.DataFrame([row, {**row, "key": "architecture", "value": "x86_64"}])


def test_a_table_survives_the_way_to_disk_and_back(tmp_path):
    path = tmp_path / "machines.csv"
    write_table("machines", facts(value="2, and a comma"), path)
    frame = read_table("machines", path)
    assert list(frame["key"]) == ["architecture", "cores"]  # rows have a fixed order
    assert frame["value"].iloc[1] == "2, and a comma"
    assert pd.read_csv(path, comment="#").shape == (2, 5)  # as any tool would read it
    assert [p.name for p in tmp_path.iterdir()] == ["machines.csv"]


@pytest.mark.parametrize(
    "first", ["# passline table machines version 0", "# passline table rounds version 1", "machine,key"]
)
def test_another_version_or_table_is_refused_with_a_remedy(tmp_path, first):
    path = tmp_path / "machines.csv"
    write_table("machines", facts(), path)
    path.write_text("\n".join([first, *path.read_text().splitlines()[1:]]) + "\n")
    with pytest.raises(TableError, match=r"written by another version: delete it and run snakemake again"):
        read_table("machines", path)


def test_a_missing_table_names_the_command(tmp_path):
    with pytest.raises(TableError, match=r"does not exist\. Run the step that writes it: snakemake"):
        read_table("machines", tmp_path / "machines.csv")


def test_a_column_too_few_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TableError, match="does not fit its model"):
        write_table("machines", facts().drop(columns="unit"), tmp_path / "machines.csv")
    assert not list(tmp_path.iterdir())


def test_an_empty_cell_is_a_missing_number_and_never_a_missing_text(tmp_path):
    path = tmp_path / "error_over_n.csv"
    row = {
        "build_id": "b", "study": "s", "algorithm": "two_pass", "isa": "avx2", "variant": "preset", "n_elements": 4,
        "inputs": "normal", "max_error_ulp": float("nan"), "sum_error": 0.5, "reason": NOT_APPLICABLE,
    }  # fmt: skip
    write_table("error_over_n", pd.DataFrame([row]), path)
    frame = read_table("error_over_n", path)
    assert frame["max_error_ulp"].isna().all()
    assert frame["reason"].iloc[0] == NOT_APPLICABLE


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_is_a_header(name, tmp_path):
    path = tmp_path / f"{name}.csv"
    write_table(name, pd.DataFrame(), path)
    assert path.read_text().splitlines()[0] == header(name)
    assert read_table(name, path).empty


@pytest.mark.parametrize("name", TABLES)
def test_every_column_says_what_it_holds(name):
    assert all(column.description for column in TABLES[name].columns.values())
    assert set(TABLES[name].sort_by) <= set(TABLES[name].columns)
