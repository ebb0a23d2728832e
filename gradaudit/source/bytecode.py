"""What the bytecode of a function says about its local names."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Final

_ARITHMETIC: Final = ("BINARY_OP", "UNARY_NEGATIVE", "UNARY_INVERT", "COMPARE_OP")
_NOTHING: Final = ("CACHE", "PRECALL", "NOP", "EXTENDED_ARG", "COPY", "SWAP", "RESUME")
_AFTER_EXCEPTION: Final = ("POP_TOP", "LOAD_CONST", "STORE_FAST", "DELETE_FAST", "NOP")
_SUBSCRIPT_OPERATOR: Final = 26  # of BINARY_OP, from Python 3.14 on


@dataclass(frozen=True, slots=True)
class Binding:
    """How a local name gets its value at one place in a function.

    Attributes
    ----------
    origin : {"arithmetic", "entry", "chosen", "part", "call", "other"}
        Computed by an operator; one item of a sequence (by a constant index or by unpacking);
        one at an index that is computed; a slice; the result of a call; anything else.
    looped : bool
        Whether the place is inside a loop.
    """

    origin: str
    looped: bool


@dataclass(frozen=True, slots=True)
class Bindings:
    """All places at which the local names of a function are bound."""

    of: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    parameters: frozenset[str] = frozenset()
    globals_stored: frozenset[str] = frozenset()

    def only_in_loops(self, name: str) -> bool:
        """Whether a name is bound in loops alone, so that a return shows its last value only."""
        places = self.of.get(name, [])
        return bool(places) and name not in self.parameters and all(p.looped for p in places)

    def computed(self, name: str) -> bool:
        """Whether an operator computes the name's value, at one place at least."""
        return any(place.origin == "arithmetic" for place in self.of.get(name, []))

    def origins(self, name: str) -> set[str]:
        """Return the origins of a name's values."""
        return {place.origin for place in self.of.get(name, [])}


def parameter_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of all parameters, ``*args`` and ``**kwargs`` last."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return code.co_varnames[:count]


def read_bindings(code: CodeType) -> Bindings:
    """List where and how the local names of a function are bound."""
    operations = list(_operations(code))
    loops = list(_loops(operations))
    bindings = Bindings(parameters=frozenset(parameter_names(code)))
    stored: set[str] = set()
    history: list[str] = []
    for offset, name, argument in operations:
        looped = any(start <= offset <= stop for start, stop in loops)
        for local in _stored_locals(code, name, argument):
            bindings.of.setdefault(local, []).append(Binding(_origin(history), looped))
        if name == "STORE_GLOBAL":
            stored.add(code.co_names[argument])
        if name.startswith("STORE_"):
            # a chain a, b = ... : what is stored next has the same origin, unless reloaded
            continue
        if name not in _NOTHING:
            history.append(name)
    return Bindings(bindings.of, bindings.parameters, frozenset(stored))


def _loops(operations: list[tuple[int, str, int]]) -> Iterator[tuple[int, int]]:
    """Yield first and last offset of each loop.

    The end of a ``with`` or ``except`` may jump backward too, out of the code for exceptions,
    which the compiler puts last.
    """
    after_exception = False
    for offset, name, target in operations:
        if name == "POP_EXCEPT":
            after_exception = True
        elif "JUMP_BACKWARD" in name and not after_exception:
            yield target, offset
        elif name not in _AFTER_EXCEPTION:
            after_exception = False


def _origin(history: list[str]) -> str:
    last = history[-1] if history else ""
    if last == "CALL" or last.startswith("CALL_"):
        # float(x[0]) is an entry, np.max(x[2:5]) is not
        before = history[-2] if len(history) > 1 else ""
        single = before == "BINARY_SUBSCR" and history[-3:-2] != ["BUILD_SLICE"]
        return _indexed(history[:-1]) if single else "call"
    if last in _ARITHMETIC:
        return "arithmetic"
    if last.startswith("UNPACK_"):
        return "entry"
    if last == "BINARY_SLICE" or (last == "BINARY_SUBSCR" and history[-2:-1] == ["BUILD_SLICE"]):
        return "part"
    return _indexed(history) if last == "BINARY_SUBSCR" else "other"


def _indexed(history: list[str]) -> str:
    return "entry" if history[-2:-1] in (["LOAD_CONST"], ["LOAD_SMALL_INT"]) else "chosen"


def _stored_locals(code: CodeType, name: str, argument: int) -> tuple[str, ...]:
    if name == "STORE_FAST":
        return (code.co_varnames[argument],) if argument < len(code.co_varnames) else ()
    if name == "STORE_FAST_STORE_FAST":
        return code.co_varnames[argument >> 4], code.co_varnames[argument & 15]
    if name == "STORE_FAST_LOAD_FAST":
        return (code.co_varnames[argument >> 4],)
    if name == "STORE_DEREF":
        names = code.co_varnames + tuple(
            cell for cell in code.co_cellvars if cell not in code.co_varnames
        )
        names += code.co_freevars
        return (names[argument],) if argument < len(names) else ()
    return ()


def _operations(code: CodeType) -> Iterator[tuple[int, str, int]]:
    """Yield (offset, name, argument); of a backward jump the argument is the target's offset.

    A plain loop over ``co_code``: ``dis.get_instructions`` takes about ten times as long.
    """
    raw, extended = code.co_code, 0
    names = dis.opname
    for offset in range(0, len(raw), 2):
        name = names[raw[offset]]
        argument = raw[offset + 1] | extended
        if name == "EXTENDED_ARG":
            extended = argument << 8
            continue
        extended = 0
        if name == "BINARY_OP" and argument == _SUBSCRIPT_OPERATOR:
            name = "BINARY_SUBSCR"
        if "JUMP_BACKWARD" in name:
            argument = offset + 2 - 2 * argument
        if name != "CACHE":
            yield offset, name, argument
