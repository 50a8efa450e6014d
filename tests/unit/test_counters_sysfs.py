"""Units, formats and events as sysfs describes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passline.counters import sysfs
from passline.counters.sysfs import Encoding, Field, Pmu, encode
from passline.errors import MachineError
from passline.machine_sources import Tree


def pmu(**fields):
    return Pmu("unit", 1500, (0,), {name: sysfs._field(text) for name, text in fields.items()}, {})


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("config:0-7", range(8)),
        ("config:18", [18]),
        ("config:8-15,24-27", [*range(8, 16), *range(24, 28)]),
        ("config:0-7,32-35,59-60", [*range(8), *range(32, 36), 59, 60]),
    ],
)
def test_a_format_lists_its_bits_lowest_first(text, bits):
    assert sysfs._field(text) == Field("config", tuple(bits))


@pytest.mark.parametrize("text", ["", "config", "config:", "config:a-b", "attr.config:0-7"])
def test_what_is_no_format_is_no_term(text):
    assert sysfs._field(text) is None


def test_a_split_term_is_spread_over_its_bits():
    fabric = pmu(event="config:0-7,32-37", umask="config:8-15,24-27")
    assert encode(fabric, "event=0x1f,umask=0xffe").config == 0xF00FE1F
    assert encode(fabric, "event=0x2df,umask=0x7fe").config == 0x20700FEDF


def test_terms_go_to_the_word_that_their_format_names():
    dmc = pmu(event="config2:3-8", clkdiv2="config2:9", mask="config1:0-44")
    assert encode(dmc, "event=0x12,clkdiv2,mask=3") == Encoding(0, 3, 0x12 << 3 | 1 << 9)
    assert encode(pmu(), "config=0x12,config1=0x34") == Encoding(0x12, 0x34, 0)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ("umask=0x3", "no such term .it has event"),
        ("event=0x100", "does not fit its 8 bits"),
        ("event=-1", "does not fit"),
        ("event=?", "is no number"),
        ("", "no such term"),
    ],
)
def test_what_a_unit_cannot_express_is_an_error_that_names_it(terms, says):
    with pytest.raises(MachineError, match=says) as error:
        encode(pmu(event="config:0-7"), terms)
    assert str(error.value).startswith("unit: term")


def test_a_format_beyond_the_three_words_cannot_be_used():
    with pytest.raises(MachineError, match="no such term"):
        encode(pmu(far="config3:0-7"), "far=1")


@given(st.sets(st.integers(0, 63), min_size=1), st.data())
def test_the_bits_of_a_term_are_those_of_its_value(bits, data):
    ordered = tuple(sorted(bits))
    value = data.draw(st.integers(0, 2 ** len(ordered) - 1))
    word = encode(Pmu("unit", 1, (0,), {"t": Field("config", ordered)}, {}), f"t={value:#x}").config
    assert sum((word >> bit & 1) << i for i, bit in enumerate(ordered)) == value
    assert word & ~sum(1 << bit for bit in ordered) == 0


@pytest.mark.parametrize(
    ("scale", "unit", "size"),
    [
        ("6.103515625e-5", "MiB", 64.0),
        ("64", "Bytes", 64.0),
        (None, "B", 1.0),
        ("3.0517578125e-5", "MiB", 32.0),
        ("2.3283064365386962890625e-10", "Joules", None),
        (None, None, None),
        ("much", "MiB", None),
    ],
)
def test_bytes_of_a_count(scale, unit, size):
    assert sysfs.bytes_per_count(scale, unit) == size


def test_a_tree_without_units_has_none(tmp_path):
    assert sysfs.pmus(Tree(tmp_path)) == {}
    assert sysfs.read_pmu(Tree(tmp_path), "cpu") is None
