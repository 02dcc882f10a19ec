"""Sets that do not fit into memory: decoded once, kept, mapped, bounded, and safe to share."""

from __future__ import annotations

import gc
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.data.load import Data, load_data
from models.errors import BadInput
from models.reading import kept_sets, store
from models.reading.packs import packs
from tests.models.picture_samples import saved
from tests.running import ROOT


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder, and a memory of ten pictures of 28 × 28."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "IN_MEMORY_BYTES", 10 * 28 * 28)
    monkeypatch.setattr(store, "BLOCK_BYTES", 3 * 28 * 28)
    return store.sets_folder()


def write(folder: Path, count: int = 40, colour: bool = False) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("L", (28, 28), number).save(folder / f"{number:03}.png")
    if colour:
        Image.new("RGB", (28, 28), (255, 0, 0)).save(folder / "zz.png")
    (folder / "labels.csv").write_text(
        "file,kind\n" + "".join(f"{path.name},{path.stem}\n" for path in folder.glob("*.png"))
    )
    return folder


def kept(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if not path.name.startswith(".")]


def assert_equal(first: Data, again: Data) -> None:
    assert np.array_equal(first.train, again.train) and np.array_equal(first.test, again.test)
    assert first.card == again.card and list(first.labels) == list(again.labels)
    for name, parts in first.labels.items():
        for one, other in zip(parts, again.labels[name], strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("colour", [False, True])
def test_a_large_set_is_decoded_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, colour: bool
) -> None:
    folder = write(tmp_path / "set", colour=colour)
    monkeypatch.setattr(store, "IN_MEMORY_BYTES", 2**30)
    in_memory = load_data(str(folder))
    assert not cache.exists()  # a small one is not kept
    monkeypatch.setattr(store, "IN_MEMORY_BYTES", 10 * 28 * 28)
    first = load_data(str(folder))
    assert isinstance(first.train, np.memmap) and not first.train.flags.writeable
    assert len(kept(cache)) == 1
    monkeypatch.setattr(packs, "open_frames", None)  # what is kept is not decoded again
    again = load_data(str(folder))
    assert isinstance(again.train, np.memmap)
    assert_equal(in_memory, first)
    assert_equal(in_memory, again)


def test_other_options_and_other_files_are_other_sets(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path / "set")
    load_data(str(folder))
    asked: list[dict[str, Any]] = [{"image_size": 30}, {"channels": 3}, {"seed": 1}]
    for options in asked:
        load_data(str(folder), **options)
    assert len(kept(cache)) == 4
    Image.new("L", (28, 28), 200).save(folder / "000.png")
    data = load_data(str(folder))
    assert 200 in data.train[:, 0, 0, 0] or 200 in data.test[:, 0, 0, 0]
    (folder / "labels.csv").unlink()
    assert load_data(str(folder)).labels == {}
    assert len(kept(cache)) == 6


@pytest.mark.parametrize("name", ["train", "set.json", "labels.npz"])
@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_what_is_kept_and_damaged_is_decoded_again(
    tmp_path: Path, cache: Path, name: str, content: bytes | None
) -> None:
    folder = write(tmp_path / "set")
    first = load_data(str(folder))
    before = first.train.copy()
    file = kept(cache)[0] / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    again = load_data(str(folder))
    assert np.array_equal(before, again.train)
    assert np.array_equal(before, load_data(str(folder)).train)
    assert len(kept(cache)) == 1


def test_the_sets_used_longest_ago_go_first(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [write(tmp_path / name) for name in ("a", "b", "c")]
    first = load_data(str(folders[0]))
    load_data(str(folders[1]))
    size = sum(path.stat().st_size for path in kept(cache)[0].iterdir())
    old = {path.name for path in kept(cache)}
    load_data(str(folders[0]))  # used again, so b is the one used longest ago
    monkeypatch.setattr(kept_sets, "MAX_BYTES", int(2.5 * size))
    load_data(str(folders[2]))
    assert len(kept(cache)) == 2 and len(old & {path.name for path in kept(cache)}) == 1
    stamps = [(folder, kept_sets.load_set) for folder in folders]
    assert stamps and first.train[0].shape == (28, 28, 1)  # what was mapped stays readable
    monkeypatch.setattr(packs, "open_frames", None)
    load_data(str(folders[0]))
    with pytest.raises(TypeError):
        load_data(str(folders[1]))


def test_scratch_is_left_by_nobody(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path / "set")
    (folder / "zz.png").write_bytes(b"broken")
    with pytest.raises(BadInput, match="zz"):
        load_data(str(folder))
    (folder / "zz.png").unlink()
    load_data(str(folder))
    gc.collect()  # the error of before holds on to what it was raised in
    assert [path.name for path in cache.iterdir()] == [path.name for path in kept(cache)]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder would be")
    with pytest.raises(BadInput, match="cannot be written .*set XDG_CACHE_HOME"):
        load_data(str(write(tmp_path / "set")))


LOAD = """
import sys
from models.reading import store
store.IN_MEMORY_BYTES = 10 * 28 * 28
from models.data.load import load_data
print(load_data(sys.argv[1]).card["sha256"]["train"])
"""


def test_two_processes_at_once(tmp_path: Path, cache: Path) -> None:
    folder = write(tmp_path / "set")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] == load_data(str(folder)).card["sha256"]["train"] + "\n"  # pyright: ignore
    assert len(kept(cache)) == 1


# Every array that the set would fill is larger than all the memory that is allowed beside it.
BOUNDED = """
import resource, sys
import numpy as np
from models.data.load import load_data
import torch, models.training.loop as loop
def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024
before = anonymous()
limit = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (int((before + 150) * 2**20), limit[1]))
data = load_data(sys.argv[1])
loop.draw_batch(data.train, 0, loop.TrainConfig(steps=1, batch_size=64))
print(data.train.nbytes >> 20, round(anonymous() - before), type(data.train).__name__)
"""


def bounded(path: Path, cache_home: Path) -> tuple[int, int, str]:
    """MiB of the training array, MiB that the process grew by, and the array's type."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path)], cwd=ROOT, capture_output=True, text=True,
        env={"XDG_CACHE_HOME": str(cache_home), "OMP_NUM_THREADS": "1", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    size, grew, kind = done.stdout.split()
    return int(size), int(grew), kind


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("packed", [False, True])
def test_arrays_larger_than_memory(tmp_path: Path, packed: bool) -> None:
    """300 MiB where 150 are allowed: mapped where they lie, or streamed to the cache if packed."""
    shape = (6_400, 128, 128, 3)
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    row = np.random.default_rng(0).integers(0, 256, 16 * 3, dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", kind, compresslevel=1) as archive:
        for name, count in (("train", shape[0]), ("test", 64)):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape[1:])}
                )
                piece = np.tile(row, 16 * 128 * 128 * 3 // len(row)).tobytes()
                for _ in range(count // 16):
                    file.write(piece)
    size, grew, kind_of = bounded(tmp_path / "a.npz", tmp_path)
    assert size == 300 and kind_of == "memmap"
    assert grew < 150


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_zip_of_more_files_than_any_count_allows(tmp_path: Path) -> None:
    """More files than 65,535 and 100,000, of which most are no pictures, for the sake of time."""
    with zipfile.ZipFile(tmp_path / "img_align_celeba.zip", "w") as archive:
        picture = saved(Image.new("RGB", (9, 11), (9, 9, 200)), "PNG")
        for number in range(110_000):
            name = f"img_align_celeba/{number:06}" + (".png" if number % 100 == 0 else ".txt")
            archive.writestr(zipfile.ZipInfo(name), picture)
    data = load_data(str(tmp_path / "img_align_celeba.zip"))
    assert len(data.train) + len(data.test) == 1100
    assert "108,900 other files" in str(data.card["remark"])
