"""What the compiler made of a variant: the instructions of its hot loop, and whether any of them touches the stack.

Reads what ``objdump --disassemble --no-show-raw-insn`` prints, in AT&T syntax, for gcc and
clang on x86-64; elsewhere the answer is that it was not analysed. The hot loop is, of
all innermost loops with vector instructions, the one with the most. Loops are the strongly
connected parts of the control flow, so that blocks the compiler moved out of line count
where they belong and a cold block that jumps back does not. How many vectors an iteration
handles cannot be seen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FORMAT = "elf64-x86-64"
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
# A tab follows the colon; relocations (objdump -r) have a blank there.
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S.*?)\s*$")
_PREFIXES = frozenset({"bnd", "notrack", "lock", "rep", "repz", "repnz", "data16", "cs", "ds"})
_VECTOR = re.compile(r"%[xyz]mm\d")
_TARGET = re.compile(r"^([0-9a-f]+)\b")
_MEMORY = re.compile(r"\(([^)]*)\)")
_ENDS = ("ret", "ud2", "hlt")


@dataclass(frozen=True)
class HotLoop:
    """Counts of a hot loop, all None where there is none, and then the reason."""

    instructions: int | None = None
    vector_instructions: int | None = None
    stack_references: int | None = None  # memory operands on the stack pointer or a frame pointer, push and pop
    calls: int | None = None
    first: int | None = None  # lowest address
    last: int | None = None  # highest address
    straight: tuple[int, ...] = ()  # addresses of an iteration that meets nothing rare, in the order they run
    reason: str | None = None


@dataclass(frozen=True)
class Instruction:
    """One line of a listing."""

    address: int
    mnemonic: str
    operands: str

    @property
    def is_vector(self) -> bool:
        """Works on a vector register; scalar floating point does too."""
        return _VECTOR.search(self.operands) is not None

    @property
    def is_call(self) -> bool:
        """Calls a function."""
        return self.mnemonic.startswith("call")

    @property
    def target(self) -> int | None:
        """Where a jump goes, if it is one and says so."""
        match = _TARGET.match(self.operands) if self.mnemonic.startswith("j") else None
        return int(match.group(1), 16) if match else None

    def touches_stack(self, *, frame_pointer: bool) -> bool:
        """Reads or writes the stack. %rbp is an ordinary register unless the function made it its frame pointer."""
        if self.mnemonic.startswith(("push", "pop")) and not self.mnemonic.startswith("popcnt"):
            return True
        if self.mnemonic.startswith(("lea", "nop", "prefetch")):
            return False
        bases = [group.split(",")[0] for group in _MEMORY.findall(self.operands)]
        return "%rsp" in bases or (frame_pointer and "%rbp" in bases)


def functions(listing: str) -> Iterator[tuple[str, list[Instruction]]]:
    """The functions of a listing, by their symbol."""
    name, body = "", list[Instruction]()
    for line in listing.splitlines():
        header = _FUNCTION.match(line)
        if header:
            if body:
                yield name, body
            name, body = header.group(1), []
            continue
        match = _INSTRUCTION.match(line)
        if match:
            words = match.group(2).split("#")[0].split()
            while len(words) > 1 and words[0] in _PREFIXES:
                words.pop(0)
            body.append(Instruction(int(match.group(1), 16), words[0], " ".join(words[1:])))
    if body:
        yield name, body


def hot_loops(listing: Path, names: Mapping[str, str]) -> dict[str, HotLoop]:
    """Variant name -> its hot loop, for a stored listing; `names` maps C symbols to variant names."""
    text = listing.read_text(encoding="utf-8")
    found = {symbol: hot_loop(body) for symbol, body in functions(text) if symbol in names}
    reason = unanalysed(text)
    if reason is not None:
        return {name: HotLoop(reason=reason) for name in names.values()}
    missing = HotLoop(reason="the listing does not hold the function")
    return {name: found.get(symbol, missing) for symbol, name in names.items()}


def unanalysed(listing: str) -> str | None:
    """Why a listing cannot be analysed, or None."""
    match = re.search(r"file format (\S+)", listing)
    if match is None:
        return "not analysed: the listing does not name its file format"
    if match.group(1) != _FORMAT:
        return f"not analysed: {match.group(1)}, and only {_FORMAT} is understood"
    return None


def hot_loop(body: list[Instruction]) -> HotLoop:
    """The hot loop of one function."""
    places = {instruction.address: place for place, instruction in enumerate(body)}
    edges = [tuple(_successors(body, place, places)) for place in range(len(body))]
    candidates = list(_innermost(body, edges, range(len(body))))
    if not candidates:
        return HotLoop(reason="no loop holds vector instructions")
    loop = max(candidates, key=lambda nodes: _vectors(body, nodes))
    instructions = [body[place] for place in sorted(loop)]
    frame_pointer = any(
        i.mnemonic.startswith(("mov", "lea")) and "%rsp" in i.operands and i.operands.endswith(",%rbp") for i in body
    )
    return HotLoop(
        instructions=len(instructions),
        vector_instructions=sum(i.is_vector for i in instructions),
        stack_references=sum(i.touches_stack(frame_pointer=frame_pointer) for i in instructions),
        calls=sum(i.is_call for i in instructions),
        first=instructions[0].address,
        last=instructions[-1].address,
        straight=tuple(body[place].address for place in _straight(edges, loop)),
    )


def _straight(edges: list[tuple[int, ...]], loop: frozenset[int]) -> list[int]:
    """The places of an iteration without what is rare: the compiler moves that out of line, behind a forward branch.

    So a branch forward is not taken and one backward is, as processors guess that see a branch for the first time,
    unless that leaves the loop.
    """
    seen: dict[int, int] = {}
    place = min(loop)
    while place not in seen:
        seen[place] = len(seen)
        inside = [to for to in edges[place] if to in loop]
        back = [to for to in inside if to <= place]
        place = back[0] if back else min(inside)
    return list(seen)[seen[place] :]


def _successors(body: list[Instruction], place: int, places: Mapping[int, int]) -> Iterator[int]:
    instruction = body[place]
    target = instruction.target
    if target is not None and target in places:
        yield places[target]
    ends = instruction.mnemonic.startswith((*_ENDS, "jmp"))
    if not ends and place + 1 < len(body):
        yield place + 1


def _vectors(body: list[Instruction], nodes: Iterable[int]) -> int:
    return sum(body[place].is_vector for place in nodes)


def _innermost(body: list[Instruction], edges: list[tuple[int, ...]], nodes: Iterable[int]) -> Iterator[frozenset[int]]:
    """Loops among `nodes` that hold vector instructions and no smaller loop that does."""
    for loop in _loops(edges, frozenset(nodes)):
        if not _vectors(body, loop):
            continue
        # Without its way back to the top a loop falls apart, and the loops inside remain.
        top = min(loop)
        cut = [tuple(to for to in targets if to != top) for targets in edges]
        inner = list(_innermost(body, cut, loop))
        yield from inner or [loop]


def _loops(edges: list[tuple[int, ...]], nodes: frozenset[int]) -> list[frozenset[int]]:
    """Strongly connected components of more than one node, or of one that jumps to itself (Tarjan, iterative)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found = []
    for root in sorted(nodes):
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(edges[root]))]
        while work:
            node, targets = work[-1]
            for to in targets:
                if to not in nodes:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    on_stack.add(to)
                    work.append((to, iter(edges[to])))
                    break
                if to in on_stack:
                    low[node] = min(low[node], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = set[int]()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    if len(component) > 1 or node in edges[node]:
                        found.append(frozenset(component))
    return found
