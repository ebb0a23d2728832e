"""Which loads of a parameter see the argument, and which other names a function reads."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, cast

from gradaudit.source.syntax import nested_codes

Place = tuple[int, int, int, int]  # line, column, last line, end column; columns in bytes

_ENDS: Final = ("RETURN_", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD")
_LOADS: Final = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_CLOSURE", "LOAD_FROM_DICT_OR_DEREF")
_KILLS: Final = ("STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF")
_SKIPPED: Final = ("CACHE", "PRECALL", "PUSH_NULL", "NOP", "EXTENDED_ARG")
# a function that looks at its own frame may read anything
_INTROSPECTIVE: Final = frozenset(
    {"locals", "vars", "eval", "exec", "globals", "_getframe", "currentframe"}
)


@dataclass(frozen=True, slots=True)
class Access:
    """A name read in a function, with the attributes and constant keys behind it.

    Attributes
    ----------
    root : {"global", "closure", "local"}
    path : tuple
        The name, then attributes (str) and keys (one-tuples).
    place : tuple of int
        Where it is written.
    """

    root: str
    path: tuple[str | tuple[str | int], ...]
    place: Place | None

    @property
    def name(self) -> str:
        """The name that it begins with."""
        return str(self.path[0])

    @property
    def written(self) -> str:
        """The access as in the source."""
        return "".join(
            f"[{part[0]!r}]" if isinstance(part, tuple) else (f".{part}" if number else part)
            for number, part in enumerate(self.path)
        )


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """What becomes of a parameter.

    Attributes
    ----------
    live : tuple of Place
        The loads that can see the argument.
    loaded, stored : bool
        Whether the name is loaded, or bound, anywhere.
    unclear : bool
        Whether the bytecode does not tell.
    borrowed : bool
        Whether it does not because a comprehension uses the same name for something else.
    """

    live: tuple[Place | None, ...]
    loaded: bool
    stored: bool
    unclear: bool = False
    borrowed: bool = False


def read_parameter(code: CodeType, name: str) -> ParameterUse:
    """Follow a parameter along all paths through a function."""
    everything = list(nested_codes(code))
    if any(_introspective(inner) for inner in everything):
        return ParameterUse((), loaded=True, stored=False, unclear=True)
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    if any(i.opname == "LOAD_FAST_AND_CLEAR" and i.argval == name for i in instructions):
        # a comprehension of Python 3.12 borrows the name and gives it back
        return ParameterUse((), loaded=True, stored=False, unclear=True, borrowed=True)
    captured = [p for inner in everything[1:] for p in _captured_loads(inner, name)]
    is_cell = name in code.co_cellvars
    live: list[Place | None] = []
    for number in sorted(_reachable(code, instructions, name)):
        instruction = instructions[number]
        kind = _effect(instruction, name, is_cell)
        if kind == "capture":
            live.extend(captured)
        elif kind == "load":
            live.append(_place(instruction))
    effects = {_effect(i, name, is_cell) for i in instructions}
    return ParameterUse(
        tuple(live),
        loaded="load" in effects or bool(captured),
        stored="store" in effects,
    )


def _introspective(code: CodeType) -> bool:
    found = _INTROSPECTIVE & set(code.co_names)
    # an assertion that pytest has rewritten asks for locals() to explain itself
    return bool(found - {"locals"} if "@py_builtins" in code.co_names else found)


def _effect(instruction: dis.Instruction, name: str, is_cell: bool) -> str:
    """Return "load", "capture", "store" or ""; of a combined instruction the first to matter."""
    operation = instruction.opname
    value: Any = instruction.argval
    names: tuple[Any, ...] = cast("tuple[Any, ...]", value) if type(value) is tuple else (value,)
    if name not in names:
        return ""
    if operation == "LOAD_CLOSURE":
        return "capture"
    if operation == "STORE_FAST_LOAD_FAST":
        return "store" if names[0] == name else "load"
    if operation.startswith(_KILLS):
        return "store"
    if operation.startswith("LOAD_FAST") and is_cell:
        return "capture"  # how Python 3.13 hands a cell to a closure
    if operation.startswith("LOAD_FAST") or operation in _LOADS:
        return "load"
    return ""


def _captured_loads(code: CodeType, name: str) -> Iterator[Place | None]:
    if name not in code.co_freevars:
        return
    for instruction in dis.get_instructions(code):
        operation = instruction.opname
        if instruction.argval == name and operation in _LOADS and operation != "LOAD_CLOSURE":
            yield _place(instruction)


def _reachable(code: CodeType, instructions: list[dis.Instruction], name: str) -> set[int]:
    """Return the instructions that can run while the name still holds the argument."""
    index = {instruction.offset: number for number, instruction in enumerate(instructions)}
    offsets = sorted(index)
    handlers: list[Any] = cast("Any", dis.Bytecode(code)).exception_entries
    seen: set[int] = set()
    pending = [0]

    def add(offset: int) -> None:
        # a jump may point at a cache entry that was left out
        number = index.get(offset)
        if number is None:
            number = next((index[o] for o in offsets if o >= offset), None)
        if number is not None and number not in seen:
            pending.append(number)

    while pending:
        number = pending.pop()
        if number in seen or number >= len(instructions):
            continue
        seen.add(number)
        instruction = instructions[number]
        for entry in handlers:
            if entry.start <= instruction.offset < entry.end:
                add(entry.target)
        if _effect(instruction, name, False) == "store":
            continue
        if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
            add(int(instruction.argval))
        if not instruction.opname.startswith(_ENDS):
            pending.append(number + 1)
    return seen


def _place(instruction: dis.Instruction) -> Place | None:
    positions = instruction.positions
    if positions is None:
        return None
    line, end_line = positions.lineno, positions.end_lineno
    column, end_column = positions.col_offset, positions.end_col_offset
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return line, column, end_line, end_column


def read_accesses(code: CodeType) -> tuple[Access, ...]:
    """List the names that a function and the functions inside it read, longest paths included."""
    found: list[Access] = []
    for inner in nested_codes(code):
        found.extend(_accesses(inner, code))
    return tuple(found)


def _accesses(inner: CodeType, outer: CodeType) -> Iterator[Access]:
    current: Access | None = None
    key: str | int | None = None
    for instruction in dis.get_instructions(inner):
        operation, value = instruction.opname, instruction.argval
        if operation in _SKIPPED:
            continue
        started = _roots(instruction, inner, outer)
        if started:
            yield from started
            current, key = started[-1], None
        elif current is not None and operation in ("LOAD_ATTR", "LOAD_METHOD"):
            current = Access(current.root, (*current.path, str(value)), _place(instruction))
            yield current
        elif current is not None and key is None and _is_key(operation, value):
            key = value
        elif current is not None and key is not None and _is_subscript(instruction):
            current = Access(current.root, (*current.path, (key,)), _place(instruction))
            key = None
            yield current
        else:
            current, key = None, None


def _is_key(operation: str, value: object) -> bool:
    return operation in ("LOAD_CONST", "LOAD_SMALL_INT") and type(value) in (str, int)


def _is_subscript(instruction: dis.Instruction) -> bool:
    return instruction.opname == "BINARY_SUBSCR" or (
        instruction.opname == "BINARY_OP" and instruction.argrepr == "[]"
    )


def _roots(instruction: dis.Instruction, inner: CodeType, outer: CodeType) -> list[Access]:
    operation, value = instruction.opname, instruction.argval
    if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
        return [Access("global", (str(value),), _place(instruction))]
    if operation in _LOADS and operation != "LOAD_CLOSURE":
        root = "closure" if value in outer.co_freevars else "local"
        return [Access(root, (str(value),), _place(instruction))]
    if not operation.startswith("LOAD_FAST") or inner is not outer:
        return []
    if not isinstance(value, tuple):
        names, places = [str(value)], [_place(instruction)]
    else:  # of two names in one instruction, the place is not known
        names = [str(name) for name in cast("tuple[Any, ...]", value)]
        places = [None] * len(names)
    return [
        Access("local", (name,), place)
        for name, place in zip(names, places, strict=True)
        # the cell itself, for a function within
        if name not in inner.co_cellvars and name not in inner.co_freevars
    ]


def first_parameter(code: CodeType, skip: int = 0) -> tuple[str | None, bool]:
    """Return the parameter that the first free argument lands in, and whether it is ``*args``."""
    if skip < code.co_argcount:
        return code.co_varnames[skip], False
    if code.co_flags & 0x04:
        return code.co_varnames[code.co_argcount + code.co_kwonlyargcount], True
    return None, False
