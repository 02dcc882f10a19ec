"""Plain values out of a pickle, without running it.

A pickle is a program for a stack machine that may call anything. This machine knows only the
instructions that lists, tuples, dictionaries, texts, numbers and NumPy arrays are written
with. The few names that an array needs are tokens here, which nothing is looked up or called
for; any other name or instruction ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.errors import BadInput

MAX_STEPS = 3_000_000  # a batch of 50,000 pictures takes some 300,000

_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_ENCODE, _DTYPE = "_codecs encode", "numpy dtype"
_NAMES = {*_ARRAY, *_BUFFER, _ENCODE, _DTYPE, "numpy ndarray"}
_TYPES = {"b1", "f4", "f8", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8))}
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """Something that a pickle would import."""

    text: str


@dataclass
class _Array:
    """An array whose state may still be to come; `dtype` alone is a type."""

    dtype: np.dtype | None = None
    value: np.ndarray | None = None


def read_plain_pickle(data: bytes, name: str) -> object:
    """The value that a pickle of plain values and NumPy arrays would give.

    Args:
        data: The pickle, of any protocol.
        name: What to call it in errors.

    Returns:
        Lists, tuples, dictionaries, texts (those of Python 2 as Latin-1), bytes, numbers and
        arrays. Keys are texts, and the arrays of a dictionary at the top are NumPy's.

    Raises:
        BadInput: It is damaged, too long, or would do more than build such values.
    """
    machine = _Machine()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if step >= MAX_STEPS:
                raise ValueError(f"it has more than {MAX_STEPS:,} instructions")
            if opcode.name == "STOP":
                return _finished(machine.pop())
            machine.step(opcode.name, argument)
        raise ValueError("it has no end")
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise BadInput(
            f"{name} is a pickle that is not read ({error}); only lists, texts, numbers and plain "
            "arrays are, and nothing in a pickle is ever run - save the pictures as an .npz."
        ) from error


def _finished(value: Any) -> object:
    if isinstance(value, dict):
        return {key: _finished_array(inner) for key, inner in value.items()}
    return _finished_array(value)


def _finished_array(value: Any) -> object:
    if not isinstance(value, _Array):
        return value
    if value.value is None:
        raise ValueError("it has an array without numbers")
    return value.value


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in _CONSTANTS:
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self.stack.append(tuple(self.pop_many(_TUPLES[name])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name in _RULES:
            _RULES[name](self, argument)
        else:
            raise ValueError(f"it holds the instruction {name}")

    def pop(self) -> Any:
        """The top of the stack."""
        return self.stack.pop()

    def pop_many(self, count: int) -> list[Any]:
        """The top `count` of the stack, the lowest first."""
        if len(self.stack) < count:
            raise ValueError("it takes what is not there")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def pop_to_mark(self) -> list[Any]:
        """What lies above the last mark; the mark goes too."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            if place == 0:
                raise ValueError("it takes what is not there")
            place -= 1
        return self.pop_many(len(self.stack) - place)[1:]


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise ValueError("it appends to what is no list")
    target.extend(items)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, dict) or len(items) % 2:
        raise ValueError("it sets items of what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_text(key)] = value


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    raise ValueError("a key is no text")


def _name(machine: _Machine, text: str) -> None:
    if text not in _NAMES:
        raise ValueError(f"it asks for {text.replace(' ', '.')[:80]!r}")
    machine.stack.append(_Name(text))


def _stack_name(machine: _Machine, _: Any) -> None:
    module, attribute = machine.pop_many(2)
    _name(machine, f"{_text(module)} {_text(attribute)}")


def _reduce(machine: _Machine, _: Any) -> None:
    called, arguments = machine.pop_many(2)
    if not isinstance(called, _Name) or not isinstance(arguments, tuple):
        raise ValueError("it calls what has no name")
    if called.text in _ARRAY:
        made: object = _Array()
    elif called.text == _DTYPE:
        made = _Array(dtype=_dtype(arguments[0]))
    elif called.text == _ENCODE:
        text, encoding = arguments
        if encoding not in ("latin1", "latin-1"):
            raise ValueError("it holds a text of another encoding")
        made = text.encode("latin-1")
    elif called.text in _BUFFER:
        buffer, kind, shape, order = arguments
        made = _Array(value=_array(shape, kind, order == "F", buffer))
    else:
        raise ValueError(f"it calls {called.text}")
    machine.stack.append(made)


def _build(machine: _Machine, _: Any) -> None:
    target, state = machine.pop_many(2)
    if not isinstance(target, _Array) or not isinstance(state, tuple):
        raise ValueError("it sets the state of what is no array")
    if target.dtype is not None:  # (version, byte order, …)
        if _text(state[1]) == ">":
            target.dtype = target.dtype.newbyteorder(">")
    else:
        _, shape, kind, is_fortran, numbers = state
        target.value = _array(shape, kind, bool(is_fortran), numbers)
    machine.stack.append(target)


def _dtype(code: Any) -> np.dtype:
    if _text(code) not in _TYPES:
        raise ValueError(f"it holds an array of type {_text(code)[:20]!r}")
    return np.dtype(_text(code))


def _array(shape: Any, kind: Any, is_fortran: bool, numbers: Any) -> np.ndarray:
    data = numbers.encode("latin-1") if isinstance(numbers, str) else numbers
    if not isinstance(kind, _Array) or kind.dtype is None:
        raise ValueError("it holds an array of no type")
    if not isinstance(data, bytes | bytearray) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("it holds an array of no numbers")
    flat = np.frombuffer(data, kind.dtype)
    return flat.reshape(shape, order="F" if is_fortran else "C")


_CONSTANTS = frozenset(
    ("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT")
    + ("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
    + ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8")
)
_EMPTY: dict[str, Callable[[], object]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_RULES: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MEMOIZE": _memoize,
    "APPEND": lambda machine, _: _append(machine, [machine.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_to_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, machine.pop_many(2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_to_mark()),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_to_mark()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_to_mark())),
    "DICT": lambda machine, _: _dict(machine),
    "GLOBAL": lambda machine, argument: _name(machine, argument),
    "STACK_GLOBAL": _stack_name,
    "REDUCE": _reduce,
    "BUILD": _build,
}


def _dict(machine: _Machine) -> None:
    items = machine.pop_to_mark()
    machine.stack.append({})
    _set_items(machine, items)
