"""A pickle gives its plain values or a reason, and never runs."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadInput
from models.reading.arrays import pickled
from models.reading.arrays.pickled import read_plain_pickle


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays(protocol: int) -> None:
    arrays = {
        "bytes": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "turned": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        "other order": np.array([1, 258], ">i4"),
        "floats": np.array([0.5, 2.0], np.float32),
    }
    values = {"list": [1, 2**40, -3, "ü", None, True, 0.5, (1, 2, 3, 4)], b"bytes": b"\0\xff"}
    read = read_plain_pickle(pickle.dumps(values, protocol), "x")
    assert read == {"list": values["list"], "bytes": b"\0\xff"}
    read = read_plain_pickle(pickle.dumps(arrays, protocol), "x")
    assert isinstance(read, dict) and list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype and np.array_equal(read[name], array)


def test_what_python_2_wrote() -> None:
    """`cPickle.dumps({'labels': [6, 9], 'data': array([[1, 2]], uint8)}, 2)` there, by hand."""
    data = (
        b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x06K\x09eU\x04dataq\x04"
        b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\0\x85U\x01b\x87Rq\x07"
        b"(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x08U\x02u1K\0K\x01\x87Rq\x09"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\x02\x01\xfftbu."
    )
    read = read_plain_pickle(data, "batch")
    assert isinstance(read, dict) and read["labels"] == [6, 9]
    assert read["data"].tolist() == [[1, 255]] and read["data"].dtype == np.uint8


class _Runs:
    """Touches a file when it is unpickled."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self._parts = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._parts


def _hostile(path: Path) -> dict[str, bytes]:
    touch = f"touch {path}"
    code = f"__import__('pathlib').Path({str(path)!r}).touch()"
    names = "cnumpy.core.multiarray\n_reconstruct\n"
    calls = {
        "system": _Runs(os.system, touch),
        "eval": _Runs(builtins.eval, code),
        "exec": _Runs(builtins.exec, code),
        "open": _Runs(builtins.open, str(path), "w"),
    }
    out = {name: pickle.dumps({"data": value}, 2) for name, value in calls.items()}
    out["in an array"] = pickle.dumps({"data": np.array([calls["system"]], object)}, 2)
    out["by text"] = f"cos\nsystem\n(S'{touch}'\ntR.".encode()
    out["by a name on the stack"] = (
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"
        + bytes([len(touch)])
        + touch.encode()
        + b"\x85R."
    )
    out["as an instance"] = f"(S'{touch}'\nios\nsystem\n.".encode()
    out["by an extension"] = b"\x80\x02\x82\x01."
    out["by a persistent name"] = b"Pos.system\n."
    out["by a state"] = f"{names}(cos\nsystem\nb.".encode()
    out["an allowed name that is called"] = b"cnumpy\nndarray\n(I1000000000\ntR."
    out["a name alone"] = b"\x80\x02}U\x01acos\nsystem\ns."
    out["a dotted name"] = b"cnumpy\ncore.multiarray.os.system\n(tR."
    return out


HOSTILE = list(_hostile(Path("x")))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_run(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    data = _hostile(path)[name]
    with pytest.raises(BadInput, match=r"^x\.pkl is a pickle that is not read"):
        read_plain_pickle(data, "x.pkl")
    assert not path.exists()


def test_the_hostile_pickles_are_hostile(tmp_path: Path) -> None:
    for name in ("system", "eval", "by text", "by a name on the stack", "as an instance"):
        path = tmp_path / name.replace(" ", "_")
        pickle.loads(_hostile(path)[name])
        assert path.exists(), name


HUGE = {
    "a text that is not there": b"\x80\x02T" + struct.pack("<l", 2**31 - 1) + b"abc.",
    "bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "a frame that is not there": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "a far memo": b"\x80\x02Nr" + struct.pack("<L", 2**32 - 1) + b"0.",
    "nested tuples": b"\x80\x02)" + b"\x85" * 30_000 + b".",
    "nested lists": b"\x80\x02" + b"](" * 5_000 + b"e" * 5_000 + b".",
    "a nested key": b"\x80\x02}(" + b")" + b"\x85" * 30_000 + b"Nu.",
    "an array of no size": pickle.dumps(np.zeros(3), 2).replace(
        b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"
    ),
    "a stack that is empty": b"\x80\x02u.",
    "marks": b"(" * 5_000 + b".",
    "no end": b"\x80\x02N",
    "nothing": b"",
    "no pickle": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_is_huge_broken_or_deep_ends_soon(name: str) -> None:
    tracemalloc.start()
    try:
        read = read_plain_pickle(HUGE[name], "x")
        assert not isinstance(read, dict)  # deep, and harmless: no set is made of it
    except BadInput as error:
        assert str(error).startswith("x is a pickle")
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 32 * 2**20


def test_the_number_of_steps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled, "MAX_STEPS", 1000)
    with pytest.raises(BadInput, match="more than 1,000 instructions"):
        read_plain_pickle(pickle.dumps(list(range(1000)), 2), "x")


def test_every_cut_of_a_pickle_is_refused() -> None:
    whole = pickle.dumps({"labels": [1, 2], "data": np.zeros((2, 3), np.uint8)}, 2)
    for size in range(len(whole)):
        with pytest.raises(BadInput):
            read_plain_pickle(whole[:size], "x")


def test_random_damage_gives_values_or_bad_input() -> None:
    rng = np.random.default_rng(0)
    whole = pickle.dumps({"labels": [1, 2], "data": np.zeros((2, 3), np.uint8)}, 4)
    for _ in range(2000):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            read_plain_pickle(bytes(data), "x")
        except BadInput as error:
            assert str(error).startswith("x is a pickle")
