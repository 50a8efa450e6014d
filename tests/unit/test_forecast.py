"""`passline plan`: which session, how long, and that it says all of it. Speeds are made up; nothing is measured."""

import argparse
import json
from pathlib import Path

import pytest
import yaml

from passline import forecast, setup
from passline.effort import design
from passline.errors import ConfigError
from passline.forecast import Speed, read_config, round_s
from passline.measure.round import SLOW

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "workflow/config"
SPEED = Speed(start_s=0.2, fill_s_per_byte=1e-9, read_s_per_byte=1e-10)
LLC = 32 << 20
TRAFFIC = {"v": 12.0}


def config(name):
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())


def test_config_files_are_layered_as_by_snakemake(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert read_config([], None) == config("default")
    smoke = read_config([CONFIGS / "smoke.yaml"], None)
    assert smoke == read_config([], Path("profiles/smoke"))
    assert {key: smoke[key] for key in ("session", "effort", "blocks")} == {
        key: config("smoke")[key] for key in ("session", "effort", "blocks")
    }
    # Mappings are merged: what the layer does not name stays.
    assert smoke["sizes"]["large_class_counts"] == config("default")["sizes"]["large_class_counts"]
    assert smoke["sizes"]["sweep"] == config("smoke")["sizes"]["sweep"]
    assert smoke["compilers"] == config("default")["compilers"]


def test_later_files_win(tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text("effort: 9\n")
    assert read_config([CONFIGS / "smoke.yaml", more], None)["effort"] == 9
    assert read_config([more, CONFIGS / "smoke.yaml"], None)["effort"] == config("smoke")["effort"]


def test_a_missing_config_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read \(No such file .*\)\. Name a YAML file"):
        read_config([tmp_path / "none.yaml"], None)


def block(n=1 << 20, planted=0.0, contenders=1, **changes):
    return {
        "name": "b",
        "protocol": "hot",
        "n_elements": n,
        "threads": 1,
        "rounds": 36,
        "stop": {"pairs": [[0, 0]], "target": 0.01, "looks": [[12, 3], [36, 12]]},
        "sweeps": 16,
        "value_s": 5e-4,
        "rows": 0,
        "contenders": [{"variants": ["v"], "consumer": "", "baseline": "", "planted": planted, "planted_every": 1}]
        * contenders,
        **changes,
    }


def test_a_round_of_short_calls_takes_its_values():
    # A call of 1024 elements takes 1.2 us: 16 values of 0.5 ms, each settled for a twentieth, and 1.5 to calibrate.
    expected = 0.2 + 2 * 4 * 1024 * 1e-9 + 5e-4 * (1.5 + 16 * (1 + 1 / 20))
    assert round_s(block(n=1024), TRAFFIC, LLC, SPEED) == pytest.approx(expected)


def test_a_round_of_long_calls_takes_fewer_of_them():
    # 4 Mi elements: 5 ms a call, where a value takes 0.5 ms.
    call_s = (4 << 20) * 12 * 1e-10
    sweeps = round(SLOW * 16 * 5e-4 / call_s)
    assert 4 < sweeps < 16
    expected = 0.2 + 2 * 4 * (4 << 20) * 1e-9 + call_s * (1.5 + sweeps)
    assert round_s(block(n=4 << 20), TRAFFIC, LLC, SPEED) == pytest.approx(expected)


def test_rows_that_rotate_are_filled_and_planted_calls_take_longer():
    rows = 1 + -(-LLC // (4 << 20))
    filled = round_s(block(protocol="paper"), TRAFFIC, LLC, SPEED) - round_s(block(), TRAFFIC, LLC, SPEED)
    assert filled == pytest.approx((1 + rows - 2) * (4 << 20) * 1e-9)
    assert round_s(block(planted=1.0), TRAFFIC, LLC, SPEED) > round_s(block(), TRAFFIC, LLC, SPEED)
    two = round_s(block(contenders=2), TRAFFIC, LLC, SPEED)
    one = round_s(block(), TRAFFIC, LLC, SPEED)
    none = round_s(block(contenders=0), TRAFFIC, LLC, SPEED)
    assert two - one == pytest.approx(one - none)


@pytest.fixture
def planned(monkeypatch, tmp_path, capsys):
    """Print a plan of a made-up fast machine, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecast, "probe", lambda: SPEED)

    def run(selftest=False, **changes):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"machine": "here", **changes}))
        arguments = argparse.Namespace(configfile=[tmp_path / "mine.yaml"], profile=None, selftest=selftest)
        assert forecast.run(arguments) == 0
        return capsys.readouterr().out

    return run


def row(said, name):
    """Cells of the row of a step."""
    return next(line for line in said.splitlines() if line.startswith(f"{name} ")).split()


def seconds(clock):
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total


def test_a_plan_says_what_runs_for_how_long_and_when_it_ends(planned):
    said = planned()
    assert "Session default, study softmax, effort 1, on here:" in said
    times = [0, 0, 0]
    for name in ("ceilings", "tuning", "choosing", "times"):
        least, most, about = map(seconds, row(said, name)[-3:])
        assert 0 < least <= about <= most
        times = [a + b for a, b in zip(times, (least, most, about), strict=True)]
    total = [seconds(cell) for cell in row(said, "measuring")[1:]]
    assert all(abs(a - b) <= 2 for a, b in zip(times, total, strict=True))  # each is rounded to a second
    assert "half-widths of its ratios are within 1.00% in cache and 3.00%" in said
    assert "Skipped:" in said


def test_a_plan_says_what_is_skipped_and_why(planned):
    said = planned(sizes={"sweep": [256, 1 << 20]})
    assert "  algorithms-paper-n256-uniform-huge: reading the clock around every call (40 ns) would cost" in said
    machine = setup.load(read_config([], None)).machine
    fits = (machine.memory_bytes or 0) >= 3 * 8 * 10**11
    said = planned(
        sizes={"sweep": [4096], "large_class_counts": {"huge": 10**11}},
        blocks=[
            {
                "kind": "algorithms",
                "protocols": ["paper"],
                "sizes": "large_class_counts",
                "inputs": ["uniform"],
                "isas": "widest",
            }
        ],
    )
    assert fits or "n100000000000-uniform-huge: three times its rows are 2400.0 GB" in said


def test_more_effort_takes_longer_with_narrower_targets(planned):
    one, four = planned(effort=1), planned(effort=4)
    # Some groups of the default session have a number of rounds of their own.
    assert seconds(row(four, "measuring")[2]) > 2.5 * seconds(row(one, "measuring")[2])
    assert f"within {design(4).target_in_cache:.2%} in cache and {design(4).target:.2%}" in four


def test_the_selftest_has_a_plan_of_its_own(planned):
    said = planned(selftest=True, selftest_sizes=[4096, 65536])
    cells = row(said, "selftest")
    least = design(1).rounds_least
    assert cells[1:4] == ["2", str(2 * least), "to"]
    assert not [line for line in said.splitlines() if line.startswith(("ceilings ", "tuning ", "times "))]


class Counted:
    """A fake of what `foresee` finds on a machine with memory controllers."""

    mode, source, plan = "auto", "imc", object()


@pytest.mark.parametrize(("asked", "says"), [(True, "counted by imc."), (False, "known once the library is built")])
def test_a_plan_says_whether_traffic_is_counted_and_for_how_long(planned, monkeypatch, asked, says):
    monkeypatch.setattr(forecast, "foresee", lambda *_: (Counted, asked))
    said = planned()
    assert says in said
    cells = row(said, "count")
    assert 0 < seconds(cells[-1]) < seconds(row(said, "times")[-1])
    assert not [line for line in planned(selftest=True).splitlines() if line.startswith("count ")]


def test_a_plan_says_why_nothing_is_counted(planned):
    assert "Memory traffic is not counted: counters: off." in planned(counters=False)
    said = planned(counters="scf")  # of one Arm processor
    if "is counted by" not in said:
        assert "scf ENOENT" in said
        assert "The run would end there, as it is demanded." in said
    with pytest.raises(ConfigError, match="config: counters: 'of' is not accepted"):
        planned(counters="of")


def fake_round(path, duration_s):
    """What the forecast reads of a round."""
    facts = {"passline_contender": 0, "passline_round": json.dumps({"duration_s": duration_s, "noise": 0.01})}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmarks": [{"metadata": facts, "runs": [{"values": [1.0]}]}]}))


def test_rounds_on_disk_count_for_more_than_the_model(planned, tmp_path):
    one = {"kind": "passes", "protocols": ["hot"], "sizes": [4096], "inputs": ["uniform"], "isas": ["scalar"]}
    before = planned(blocks=[one])
    folder = tmp_path / "results/here/default/raw/times/passes-hot-n4096-uniform-huge-0123456789ab"
    for number, duration_s in enumerate((50.0, 60.0, 900.0)):
        fake_round(folder / f"round-{number:03d}.json", duration_s)
    after = planned(blocks=[one])
    rounds = design(1).rounds_least
    assert row(before, "times")[1:3] == ["1", str(rounds)]
    assert seconds(row(before, "times")[-1]) < 60
    assert seconds(row(after, "times")[-1]) == rounds * 60  # the median round, not the mean
    assert row(after, "ceilings") == row(before, "ceilings")
