"""The words of `passline doctor`: at most WIDTH columns, each refusal with its cause and the smallest change."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from passline.counters import likwid
from passline.counters.calibrate import Calibration
from passline.counters.explain import decisive
from passline.counters.records import COMBINED, WRITE
from passline.counters.rights import Rights
from passline.counters.survey import Survey, Tried, attempts
from passline.doctor_calibration import Report
from passline.doctor_noise import Noise
from passline.formats import NARROW, NOTHING, binary_bytes, listed, percent, quantity, significant

if TYPE_CHECKING:  # doctor imports this module
    from passline.doctor import Diagnosis, Expected, Hardware

WIDTH = 98
_SCALE = (
    "A, B: counted at the memory controllers. C: a core's lower bound, or not calibrated. D: modelled, and the model "
    "confirmed by simulating the very kernels. E: modelled"
)


def text(found: Diagnosis) -> str:
    """The whole diagnosis."""
    survey = found.survey
    asked, memory = (survey.rights, survey.memory) if survey is not None else ((), ())
    made = (
        ("In short", _in_short(found)),
        ("Machine", _machine(found.machine)),
        ("Rights", _rights(found.rights, asked)),
        ("Memory counters", _memory(survey, found.survey_reason)),
        ("Core counters", _tried(survey.cores, survey.cores, (*asked, *memory)) if survey is not None else ()),
        ("What to expect of the report", _expected(found.expected)),
        ("Self-calibration", _calibration(found.calibration, found.build_command)),
        ("likwid", _likwid(found.likwid, found.calibration.calibration)),
        ("Noise", _noise(found.noise)),
        ("Settings", _settings(found.noise)),
    )
    sections = ((title, list(lines)) for title, lines in made)
    words = "\n\n".join("\n".join([title, *lines]) for title, lines in sections if lines)
    # A terminal may know neither the space between a number and its unit nor the Greek letter.
    return words.replace(NARROW, " ").replace("\u00b5", "u").replace(NOTHING, "-")


def of_dump(path: Path, count: int) -> str:
    """What was written, and how to look into it."""
    return "\n".join(
        [
            f"wrote {path}: {count} files of /sys and /proc that tell of counters, cpus and caches.",
            "No names of hosts or users, no serial numbers, no environment: only what passline.counters.dump lists.",
            f"Look into it before you send it: tar -xOzf {path} | less",
        ]
    )


def _in_short(found: Diagnosis) -> Iterator[str]:
    survey, expected, noise = found.survey, found.expected, found.noise
    trust = found.calibration.confidence
    letter = trust.letter if trust is not None else expected.letter
    if expected.source != "model":
        best = "confidence" if trust is not None else "at best confidence"
        yield from _filled(f"counted by source {expected.source}, {best} {letter}", "memory traffic  ")
    else:
        yield from _filled(f"modelled, confidence {letter}: {_cause(survey, found.survey_reason)}", "memory traffic  ")
    counted = survey is not None and all(tried.ok for tried in survey.cores)
    yield from _filled(f"cycles and instructions {'counted' if counted else 'not counted'}", "cores           ")
    disturbed = f"{_plural(len(noise.findings), 'thing')} would disturb a measurement" if noise.findings else "quiet"
    to_change = [setting.name for setting in noise.settings if setting.good is False]
    change = f"change: {listed(to_change)}" if to_change else "nothing to change"
    yield from _filled(f"{disturbed if noise.watched else 'a measurement runs on it'}; {change}", "machine now     ")


def _cause(survey: Survey | None, reason: str) -> str:
    """What stands in the way of counting, and whether rights are missing besides."""
    if survey is None:
        return reason
    errno = decisive(attempts(survey.memory))
    known = (t.explanation.what for t in survey.memory if t.errno == errno and t.explanation is not None)
    cause = next(known, "nothing was found to count with")
    missing = any(not t.ok and t.errno != errno for t in survey.rights)
    return cause + ("; besides, rights are missing" if missing else "")


def _machine(machine: Hardware) -> Iterator[str]:
    name = f"{machine.model_name or 'processor without a name'} ({machine.microarchitecture}, {machine.architecture})"
    smt = "" if machine.threads_per_core == 1 else f" of {machine.threads_per_core} threads"
    counted = [_plural(machine.cores, "core") + smt, _plural(machine.sockets, "socket")]
    if machine.numa_nodes > 1:
        counted.append(_plural(machine.numa_nodes, "NUMA node"))
    yield from _filled(f"{name}: {', '.join(counted)}, {_bytes(machine.memory_bytes)}; {_caches(machine)}")
    virtual = {None: "hypervisor not known", "none": "no hypervisor", "unnamed": "virtual machine, hypervisor unnamed"}
    kind = virtual.get(machine.hypervisor, f"virtual machine ({machine.hypervisor})")
    yield from _filled(f"{kind}; Linux {machine.kernel or 'not known'}; measures on cpu {machine.measuring_cpu}")


def _caches(machine: Hardware) -> str:
    parts = [f"L1d {_bytes(machine.l1d_bytes)}"]
    if machine.llc_level != 2:
        parts.append(f"L2 {_bytes(machine.l2_bytes)}")
    level = f"L{machine.llc_level}" if machine.llc_level else "last level"
    return ", ".join([*parts, f"{level} {_bytes(machine.llc_bytes)}"])


def _rights(rights: Rights, tried: Sequence[Tried]) -> Iterator[str]:
    user = "root" if rights.euid == 0 else f"user {rights.euid}"
    held = " and ".join(f"CAP_{name.upper()}" for name in rights.capabilities) or "no CAP_PERFMON"
    paranoid = "missing" if rights.paranoid is None else rights.paranoid
    container = f"in {rights.container}" if rights.container else "no container seen"
    seccomp = {"filter": "under a seccomp filter", "strict": "under strict seccomp", "none": "no seccomp filter"}
    filtered = seccomp.get(rights.seccomp or "", "seccomp not shown")
    files = f"{rights.open_files} descriptors"
    yield from _filled(f"{user}, {held}; kernel.perf_event_paranoid {paranoid}; {container}, {filtered}; {files}")
    if tried:
        yield from _tried(tried, tried, ())


def _memory(survey: Survey | None, reason: str) -> Iterator[str]:
    if survey is None:
        yield from _filled(f"not tried: {reason}")
    else:
        yield from _tried(survey.memory, survey.in_the_way, survey.rights)


def _tried(all_of_them: Sequence[Tried], explained: Sequence[Tried], before: Sequence[Tried]) -> Iterator[str]:
    """A line per attempt, then each explanation once; those of attempts `before` are already told."""
    width = max(len(t.name) for t in all_of_them)
    for tried in all_of_them:
        said = tried.counts if tried.ok else tried.reason
        yield from _filled(said, f"{'ok' if tried.ok else tried.errno:8}{tried.name:{width}}  ")
    told = {t.explanation for t in before}
    for errno, explanation in dict.fromkeys((t.errno, t.explanation) for t in explained if t.explanation is not None):
        if explanation in told:
            yield from _filled(f"{errno}: as above.", "why     ")
        else:
            yield from _filled(f"{errno}: {explanation.what}.", "why     ")
            yield from _filled(f"{explanation.fix}.", "fix     ")


def _expected(found: Expected) -> Iterator[str]:
    best = "Confidence" if found.source == "model" else "At best confidence"
    yield from _filled(f"{best} {found.letter} (source {found.source}): {found.says}.")
    yield from _filled(f"{_SCALE}.")


def _calibration(report: Report, build_command: str) -> Iterator[str]:
    found, null, background = report.calibration, report.null_region, report.background
    if found is None or null is None or background is None or report.confidence is None:
        yield from _filled(f"not done: {report.reason}.")
        if "libpassline.so" in report.reason:
            yield from _filled(f"`{build_command}`, or any session.", "build   ")
        return
    where = f"over {_bytes(report.row_bytes)} on cpu {report.cpu}, from {report.library}"
    yield from _filled(f"Loops of known traffic ({report.isa}) {where}:")
    yield f"  {'loop':9}{'':9}{'known':>10}{'counted':>12}{'ratio':>8}"
    for loop in found.loops:
        rows = [
            ("read", loop.known_read, loop.counted_read),
            ("written", loop.known_written, loop.counted_written),
            ("both", loop.known_read + loop.known_written, loop.counted_combined),
        ]
        shown = [row for row in rows if not math.isnan(row[2])]
        for i, (what, known, counted) in enumerate(shown):
            ratio = f"{counted / known:.3f}" if known else "-"
            name = loop.loop if i == 0 else ""
            yield f"  {name:9}{what:9}{_si(known):>10}{_si(counted):>12}{ratio:>8}"
        if loop.reason != "-":
            yield from _filled(f"{loop.loop} refused: {loop.reason}.")
    idle = listed([f"{_rate(background.most(d))} {_moved(d)}" for d in sorted(background.before)])
    share = (
        "" if math.isnan(report.background_share) else f": at most {percent(report.background_share, 1)} of a loop's"
    )
    empty = listed([f"{_si(value)} {_moved(d)}" for d, value in sorted(null.counted.items())])
    yield from _filled(f"An empty region costs {quantity(null.cost_s, 's')} and counts {empty or 'nothing'}.")
    yield from _filled(f"While idle: {idle or 'nothing was counted'}{share}.")
    trust = report.confidence
    why = f": {'; '.join(trust.warnings)}" if trust.warnings else ": within 5 % of what is known"
    yield from _filled(
        f"Calibration {found.verdict}, confidence {trust.letter}{why}. Counts are never corrected by it."
    )


def _likwid(opinion: likwid.Opinion, own: Calibration | None) -> Iterator[str]:
    if opinion.program is None:
        return
    if not opinion.loops:
        yield from _filled(f"{opinion.program} was found, but counted nothing: {opinion.reason}.")
        return
    yield from _filled(f"{opinion.program}, group {likwid.GROUP}, around the same loops; counted over known bytes:")
    ours = {"read": own.read_ratio, "nt_store": own.write_ratio} if own else {}
    yield f"  {'loop':9}{'known':>10}{'likwid':>9}{'Passline':>10}"
    for loop in opinion.loops:
        mine = ours.get(loop.loop, math.nan)
        known = _si(loop.known_read + loop.known_written)
        yield f"  {loop.loop:9}{known:>10}{_ratio(loop.ratio):>9}{_ratio(mine):>10}"
    if opinion.reason != "-":
        yield from _filled(opinion.reason)


def _noise(noise: Noise) -> Iterator[str]:
    if not noise.watched:
        yield from _filled(
            f"not watched: {noise.measuring} is measuring on this machine, and watching would disturb it."
        )
        return
    steal = "steal not shown" if math.isnan(noise.steal) else f"steal {percent(noise.steal, 1)}"
    seen = f"load {significant(noise.load, 2)} over the last minute; {steal} while a thread of ours ran"
    yield from _filled(f"{'Quiet' if not noise.findings else 'Not quiet'}: {seen}.")
    for sentence in noise.findings:
        yield from _filled(f"{sentence}.", "- ")


def _settings(noise: Noise) -> Iterator[str]:
    width = max(len(s.name) for s in noise.settings)
    value_width = max(len(s.value) for s in noise.settings)
    for setting in noise.settings:
        mark = {True: "ok", False: "change", None: "note"}[setting.good]
        head = f"{mark:8}{setting.name:{width}}  {setting.value:{value_width}}  "
        yield from _filled(setting.means, head)
        if setting.fix != "-":
            yield from _filled(f"{setting.fix}.", " " * 8 + "fix  ")


def _filled(words: str, head: str = "") -> list[str]:
    """Lines of at most WIDTH columns, indented under `head`; a command in backticks is broken only where it must be."""
    room = WIDTH - len(head) - 5
    parts = words.split("`")
    parts[1::2] = [part.replace(" ", "\0") if len(part) <= room else part for part in parts[1::2]]
    lines = textwrap.wrap(
        "`".join(parts), WIDTH, initial_indent=f"  {head}", subsequent_indent=" " * (2 + len(head)),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace("\0", " ") for line in lines]


def _moved(direction: str) -> str:
    return {WRITE: "written", COMBINED: "read or written"}.get(direction, "read")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _bytes(value: int | None) -> str:
    return "not shown" if value is None else binary_bytes(value)


def _si(value: float) -> str:
    return quantity(value, "B")


def _rate(value: float) -> str:
    return quantity(value, "B/s")


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
