"""Which models there are, and a bounded cache of loaded ones, which nobody changes.

A model is known by its id: "avatars" is a bundled folder, "runs/NAME" was trained here, and
"given/NAME" was named on the command line (a folder or a Hub id). A folder that cannot be
read is listed with its error rather than hidden. Files that changed are read again, and a
recipe's model hash finds its model whatever its id is.

A folder of ours is listed by its files alone and loaded when it is chosen; any other source has
to be loaded to be listed. Weights that turn out not to fit when they are loaded are the entry's
error from then on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from explorer.bounded import Bounded
from explorer.images.sides import largest_side
from explorer.render.groups import FEW_LEVELS
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.checkpoint.description import Description, description_of
from models.errors import BadInput
from models.sources.open_any import describe_any, files_of
from models.storage.atomic import holds

DEFAULT = "avatars"
MAX_LOADED = 6  # four side by side, and those of the desk
CONFIG, WEIGHTS = "config.json", "model.safetensors"

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
        image_shape: `(C, H, W)` of the images it takes; None if it cannot be loaded.
    """

    id: str
    group: str
    source: Path | str
    title: str
    summary: str = ""
    hash: str | None = None
    error: str | None = None
    takes_any: bool = False
    image_shape: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class _Known:
    """What is known of a source while its files stay as they were.

    Args:
        signature: Of its files, before they were read.
        entry: What is told of it.
        loaded: Whether it was loaded from these files.
    """

    signature: Signature
    entry: Entry
    loaded: bool = False


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
        self._known: dict[str, _Known] = {}
        self._loaded: Bounded[str, Checkpoint] = Bounded(capacity)
        # So that nothing is read twice at once; whoever loads may also describe, not vice versa.
        self._describing = threading.Lock()
        self._loading = threading.RLock()

    def entries(self) -> tuple[Entry, ...]:
        """Every model that can be chosen, the default first, broken ones with their error.

        What is new or changed is read for it; nothing else waits for a model that is loaded.
        """
        return tuple(self._learn(found).entry for found in self._found())

    def default_id(self) -> str | None:
        """The model that the page opens with: the first one that can be loaded, which it is."""
        return next((found.id for found in self._found() if self._can_load(found)), None)

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
        known = self._learn(chosen)
        kept = self._kept(known)
        if kept is not None:
            return known.entry, kept
        if known.entry.error is not None and not isinstance(chosen.source, str):
            raise BadInput(known.entry.error)
        return self._fetch(chosen)  # a Hub id also after an error: it may be in reach again

    def preload(self) -> None:
        """Begin to list all models and to load the first, beside whatever else starts.

        The first page asks for both; the others are loaded when they are chosen. No daemon: a
        process that ends at once, for want of a port say, waits for the reading, since torch
        aborts a thread that is cut off in it.
        """

        def begin() -> None:
            self.entries()
            self.default_id()

        threading.Thread(target=begin, name="strata-preload").start()

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
            if holds(path, CONFIG) or holds(path, WEIGHTS):
                entries.append(Entry(f"runs/{path.name}", "runs", path, path.name))
        return entries

    def _learn(self, found: Entry) -> _Known:
        """What is known of a source, which is read where its files are new or changed."""
        known = self._unchanged(found)
        if known is None:
            with self._describing:
                known = self._unchanged(found) or self._describe(found)
        if known is None:
            with self._loading:
                known = self._unchanged(found) or self._try(found)
        return known

    def _unchanged(self, found: Entry) -> _Known | None:
        """What is known of a source, if its files are as they were."""
        known = self._known.get(found.id)
        return known if known and known.signature == _signature(found.source) else None

    def _kept(self, known: _Known) -> Checkpoint | None:
        """The checkpoint that was loaded from the files of a source, if it is in the cache."""
        hash = known.entry.hash
        return self._loaded.get(hash) if known.loaded and hash is not None else None

    def _can_load(self, found: Entry) -> bool:
        """Whether a model can be loaded, which is tried once."""
        known = self._learn(found)
        if known.entry.error is None and not known.loaded:
            try:
                self._fetch(found)
            except BadInput:
                return False
        return known.entry.error is None

    def _fetch(self, found: Entry) -> tuple[Entry, Checkpoint]:
        """A model from the cache, where another thread may have put it by now, or from its files.

        Raises:
            BadInput: If it cannot be loaded.
        """
        with self._loading:
            known = self._learn(found)
            kept = self._kept(known)
            return self._load_now(found) if kept is None else (known.entry, kept)

    def _describe(self, found: Entry) -> _Known | None:
        """What the files of a folder of ours tell; None of what has to be loaded for that."""
        signature = _signature(found.source)
        try:
            description = describe_any(found.source)
        except Exception as error:
            return self._note(found, _Known(signature, _refused(found, error)))
        if description is None:
            return None
        return self._note(found, _Known(signature, _described(found, description)))

    def _try(self, found: Entry) -> _Known:
        """What is known of a source once it was loaded, or could not be."""
        with suppress(BadInput):
            self._load_now(found)
        return self._known[found.id]

    def _note(self, found: Entry, known: _Known) -> _Known:
        self._known[found.id] = known
        return known

    def _load_now(self, found: Entry) -> tuple[Entry, Checkpoint]:
        """Load a model from its files.

        Raises:
            BadInput: If it cannot be loaded, which its entry says from then on.
        """
        signature = _signature(found.source)
        try:
            checkpoint = self._load(found.source, self.device)
        except Exception as error:
            entry = _refused(found, error)
            self._note(found, _Known(signature, entry))
            raise BadInput(str(entry.error)) from error
        entry = _described(found, description_of(checkpoint))
        self._loaded.put(checkpoint.hash, checkpoint)
        self._note(found, _Known(signature, entry, loaded=True))
        return entry, checkpoint


def _refused(found: Entry, error: Exception) -> Entry:
    """The entry of a model that cannot be loaded; the log tells of what was no bad input."""
    if isinstance(error, BadInput):
        return replace(found, error=str(error))
    _log.error("the model %s cannot be loaded", found.id, exc_info=error)
    return replace(found, error="it cannot be loaded - the server's log says why")


def _in_runs(shapes: list[str]) -> list[str]:
    """The shapes of levels as they are listed: of dozens, each once with how many in a row."""
    if len(shapes) <= FEW_LEVELS:
        return shapes
    runs = [(shape, len(list(same))) for shape, same in groupby(shapes)]
    if len(runs) == 1:  # the number of levels says it
        return shapes[:1]
    return [f"{shape} ({count})" if count > 1 else shape for shape, count in runs]


def _described(found: Entry, description: Description) -> Entry:
    """The entry of a model that can be loaded, as far as is known."""
    channels, side, _ = description.image_shape
    colours = "grey" if channels == 1 else "colour"
    largest = largest_side(description)
    upto = f" to {largest}×{largest}" if largest > side else ""
    levels, depth = description.levels, description.depth
    shapes = _in_runs(["×".join(map(str, level.shape)) for level in levels])
    sizes = (", " if any(level.is_spatial for level in levels) else "/").join(shapes)
    return replace(
        found,
        title=description.name or found.title,
        summary=f"{side}×{side}{upto} {colours}, {depth} level{'s' * (depth > 1)} of {sizes}",
        hash=description.hash,
        takes_any=channels == 3 and description.side_step is not None,
        image_shape=description.image_shape,
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
    for path in files_of(source):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
