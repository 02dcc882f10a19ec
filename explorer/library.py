"""Which models there are, and a bounded cache of loaded ones, which nobody changes.

A model is known by its id: "avatars" is a bundled folder, "runs/NAME" was trained here, and
"given/NAME" was named on the command line (a folder or a Hub id). A folder that cannot be
read is listed with its error rather than hidden. Files that changed are read again, and a
recipe's model hash finds its model whatever its id is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.sides import largest_side
from explorer.stores import Bounded
from models.atomic import current
from models.checkpoint import Checkpoint, load_checkpoint
from models.errors import BadInput

DEFAULT = "avatars"
MAX_LOADED = 6  # four side by side, and those of the desk
CONFIG, WEIGHTS = "config.json", "model.safetensors"
FILES = (CONFIG, WEIGHTS, "statistics.safetensors", "evaluation.json", "examples.png")

_log = logging.getLogger(__name__)
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Entry:
    """One model that can be chosen.

    Args:
        id: Its name towards the page and the API.
        group: "bundled", "runs" or "given".
        source: Its folder, or a Hub id as given.
        title: Its name for people.
        summary: One line on what it is.
        hash: Hash of its weights; None if it cannot be loaded.
        error: Why it cannot be loaded; None if it can.
        takes_any: Whether it takes any photograph: in colour, of any part of one, since it is
            fully convolutional.
    """

    id: str
    group: str
    source: Path | str
    title: str
    summary: str = ""
    hash: str | None = None
    error: str | None = None
    takes_any: bool = False


class Library:
    """The models in reach, and those loaded last.

    Args:
        bundled: Folder whose sub-folders are the bundled models.
        runs: Folder whose sub-folders are trained here; None for none.
        given: A folder or Hub id from the command line; it becomes the default.
        device: Where models are loaded to.
        capacity: Most models kept loaded.
        load: Reads a checkpoint; tests replace it.
    """

    def __init__(
        self,
        bundled: Path,
        runs: Path | None = None,
        given: str | None = None,
        device: str = "cpu",
        capacity: int = MAX_LOADED,
        load: Callable[[str | Path, str], Checkpoint] = load_checkpoint,
    ) -> None:
        self.device = device
        self._bundled = bundled
        self._runs = runs
        self._given = given
        self._load = load
        # What is known of each source while its files stay as they were.
        self._known: dict[str, tuple[Signature, Entry]] = {}
        self._loaded: Bounded[str, Checkpoint] = Bounded(capacity)
        self._lock = threading.RLock()

    def entries(self) -> tuple[Entry, ...]:
        """Every model that can be chosen, the default first, broken ones with their error.

        A folder that is new or changed is loaded once to learn whether it can be.
        """
        return tuple(self._read(entry)[0] for entry in self._found())

    def default_id(self) -> str | None:
        """The model that the page opens with: the first one that can be loaded."""
        return next((entry.id for entry in self.entries() if entry.error is None), None)

    def load(self, id: str) -> tuple[Entry, Checkpoint]:
        """A model by its id, from the cache or from its files.

        Raises:
            BadInput: If there is no such model, or it cannot be loaded.
        """
        found = self._found()
        chosen = next((entry for entry in found if entry.id == id), None)
        if chosen is None:
            names = ", ".join(entry.id for entry in found) or "none"
            raise BadInput(f"there is no model '{str(id)[:80]}' - choose one of: {names}")
        entry, checkpoint = self._read(chosen)
        if entry.error is not None and isinstance(chosen.source, str):
            return self._reload(chosen)  # the Hub may be in reach again
        if entry.error is not None or entry.hash is None:
            raise BadInput(entry.error or f"the model '{entry.id}' cannot be loaded - see the log")
        checkpoint = checkpoint or self._loaded.get(entry.hash)
        return self._reload(chosen) if checkpoint is None else (entry, checkpoint)

    def preload(self) -> None:
        """Begin to read all models beside whatever else starts: the first page asks for them.

        No daemon: a process that ends at once, for want of a port say, waits for the reading,
        since torch aborts a thread that is cut off in it.
        """
        threading.Thread(target=self.entries, name="strata-preload").start()

    def load_given(self) -> None:
        """Load the model of the command line, if there is one, so that a fault is said at once.

        Raises:
            BadInput: If it cannot be loaded.
        """
        if self._given is not None:
            self.load(self._found()[0].id)

    def loaded(self, hash: str) -> Checkpoint | None:
        """A model by the hash of its weights, if it is in memory."""
        return self._loaded.get(hash)

    def with_hash(self, hash: str) -> Checkpoint:
        """A model by the hash of its weights: at once if it is loaded, else looked for.

        Raises:
            BadInput: If no model in reach has that hash.
        """
        loaded = self.loaded(hash)
        if loaded is not None:
            return loaded
        id = self.id_of(hash)
        if id is None:
            raise BadInput(
                f"the recipe was made with the model {hash}, which is not here - open the model "
                "it was made with, or start Strata with --model and the folder that holds it"
            )
        return self.load(id)[1]

    def id_of(self, hash: str) -> str | None:
        """The id of the model whose weights have this hash, if it is in reach."""
        return next((entry.id for entry in self.entries() if entry.hash == hash), None)

    def for_any_photograph(self, besides: str) -> Entry | None:
        """A model that takes any photograph, where the one in use does not.

        Args:
            besides: Hash of the model in use.
        """
        entries = [entry for entry in self.entries() if entry.error is None]
        if any(entry.hash == besides and entry.takes_any for entry in entries):
            return None
        # Not of the runs: whoever trained one knows of it.
        return next((e for e in entries if e.takes_any and e.group != "runs"), None)

    def _found(self) -> list[Entry]:
        """What lies on disk now, nothing of it read yet; the default first."""
        entries: list[Entry] = []
        if self._given is not None:
            folder = Path(self._given).expanduser()
            name = folder.resolve().name if folder.exists() else self._given
            source = folder if folder.exists() else self._given
            entries.append(Entry(f"given/{name}", "given", source, name))
        bundled = [Entry(path.name, "bundled", path, path.name) for path in _folders(self._bundled)]
        entries.extend(sorted(bundled, key=lambda entry: (entry.id != DEFAULT, entry.id)))
        for path in _folders(self._runs):
            # A training that has not saved anything yet is no broken model, but none at all.
            if current(path, CONFIG).exists() or current(path, WEIGHTS).exists():
                entries.append(Entry(f"runs/{path.name}", "runs", path, path.name))
        return entries

    def _read(self, entry: Entry) -> tuple[Entry, Checkpoint | None]:
        """What is known of an entry, and its checkpoint if it had to be loaded for that."""
        with self._lock:
            signature = _signature(entry.source)
            known = self._known.get(entry.id)
            if known is not None and known[0] == signature:
                return known[1], None
            return self._reload_or_error(entry, signature)

    def _reload(self, entry: Entry) -> tuple[Entry, Checkpoint]:
        """Load a model that fell out of the cache."""
        with self._lock:
            read, checkpoint = self._reload_or_error(entry, _signature(entry.source))
        if checkpoint is None:
            raise BadInput(read.error or f"the model '{entry.id}' cannot be loaded - see the log")
        return read, checkpoint

    def _reload_or_error(
        self, entry: Entry, signature: Signature
    ) -> tuple[Entry, Checkpoint | None]:
        checkpoint: Checkpoint | None = None
        try:
            checkpoint = self._load(entry.source, self.device)
        except BadInput as error:
            read = replace(entry, error=str(error))
        except Exception:
            _log.exception("the model %s cannot be loaded", entry.id)
            read = replace(entry, error="it cannot be loaded - the server's log says why")
        else:
            read = _described(entry, checkpoint)
            self._loaded.put(checkpoint.hash, checkpoint)
        self._known[entry.id] = (signature, read)
        return read, checkpoint


def _described(entry: Entry, checkpoint: Checkpoint) -> Entry:
    model = checkpoint.model
    channels, side, _ = model.image_shape
    colours = "grey" if channels == 1 else "colour"
    largest = largest_side(model)
    upto = f" to {largest}×{largest}" if largest > side else ""
    shapes = ["×".join(map(str, level.shape)) for level in model.levels]
    sizes = (", " if any(level.is_spatial for level in model.levels) else "/").join(shapes)
    depth = model.depth
    summary = f"{side}×{side}{upto} {colours}, {depth} level{'s' * (depth > 1)} of {sizes}"
    return replace(
        entry,
        title=checkpoint.name or entry.title,
        summary=summary,
        hash=checkpoint.hash,
        takes_any=channels == 3 and model.side_step is not None,
    )


def _folders(parent: Path | None) -> list[Path]:
    if parent is None or not parent.is_dir():
        return []
    return sorted(
        path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _signature(source: Path | str) -> Signature:
    """Name, time and size of the files a model is read from; a Hub id never changes here."""
    if isinstance(source, str):
        return ()
    found: list[tuple[str, int, int]] = []
    for name in FILES:
        try:
            stat = current(source, name).stat()
        except OSError:
            continue
        found.append((name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)
