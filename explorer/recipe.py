"""All that a person chose, as one frozen value: the recipe of DESIGN section 3.

A recipe names its model and its image by hash and holds edits, policies, seeds and the
temperature; it knows neither torch nor gradio. Undo, links, export and replay are nothing
but recipes kept and read again, so one that went through JSON must come out equal:

    {"version": 1, "model": "<16 hex>", "image": "<16 hex>",
     "edits": [[level, kind, index, sigma], ...],
     "policies": [[kind, seed, rho], ...],            z_1 … z_T
     "temperature": 1.0, "encode_seed": null}
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import TypeVar

from models.errors import BadInput
from models.policy import KINDS as POLICY_KINDS
from models.policy import Policy

VERSION = 1
AXIS_KINDS = ("coordinate", "component")
MAX_SIGMA = 3.0
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**31 - 1
MAX_INDEX = 100_000
MAX_DEPTH = 64
MAX_EDITS = 4_096
MAX_JSON_CHARS = 500_000

_KEYS = ("version", "model", "image", "edits", "policies", "temperature", "encode_seed")
_HASH = re.compile(r"[0-9a-f]{16}")
_V = TypeVar("_V")
_R = TypeVar("_R")
_WHAT_TO_DO = "correct it, or copy the recipe again from the page"


@dataclass(frozen=True)
class Edit:
    """One slider away from zero: level z_t moves by sigma·σ along one of its axes.

    Args:
        level: The subscript t, from 1.
        kind: One of `AXIS_KINDS`.
        index: The axis among those of its kind, from 0.
        sigma: How far, in [-3, 3], in standard deviations of the aggregate posterior.
    """

    level: int
    kind: str
    index: int
    sigma: float

    def __post_init__(self) -> None:
        _whole("level", self.level, 1, MAX_DEPTH)
        _one_of("kind", self.kind, AXIS_KINDS)
        _whole("index", self.index, 0, MAX_INDEX)
        object.__setattr__(self, "sigma", _number("sigma", self.sigma, -MAX_SIGMA, MAX_SIGMA))

    @property
    def axis(self) -> tuple[int, str, int]:
        """What the edit moves along: (level, kind, index)."""
        return (self.level, self.kind, self.index)


@dataclass(frozen=True)
class Recipe:
    """What to draw, in one canonical form: edits sorted, none of them zero or twice.

    Args:
        model: Hash of the model's weights, 16 hexadecimal digits.
        image: Hash of the model-sized pixels, 16 hexadecimal digits.
        policies: The policy of z_1 … z_T, bottom first; their number is the depth T.
        edits: The sliders away from zero; zeros are dropped, the rest is sorted.
        temperature: Scale of fresh noise, in [0, 2].
        encode_seed: Seed of a posterior sample; None takes the mean path.

    Raises:
        BadInput: If a value is of the wrong type or out of range; the message names it.
    """

    model: str
    image: str
    policies: tuple[Policy, ...]
    edits: tuple[Edit, ...] = ()
    temperature: float = 1.0
    encode_seed: int | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        _check_version(self.version)
        _check_hash("model", self.model)
        _check_hash("image", self.image)
        _check_count("policies", len(self.policies), 1, MAX_DEPTH)
        _check_count("edits", len(self.edits), 0, MAX_EDITS)
        policies = tuple(
            _named(f"policies[{t}]", _policy, policy) for t, policy in enumerate(self.policies)
        )
        temperature = _number("temperature", self.temperature, 0.0, MAX_TEMPERATURE)
        if self.encode_seed is not None:
            _whole("encode_seed", self.encode_seed, 0, MAX_SEED)
        object.__setattr__(self, "policies", policies)
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "edits", _canonical(self.edits, self.depth))

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.policies)

    def policy(self, level: int) -> Policy:
        """The policy of z_t, by its subscript."""
        return self.policies[level - 1]

    def edits_of(self, level: int) -> tuple[Edit, ...]:
        """The edits of z_t, by its subscript."""
        return tuple(edit for edit in self.edits if edit.level == level)

    def with_edit(self, edit: Edit) -> Recipe:
        """This recipe with one axis moved; a sigma of 0 takes the edit away."""
        others = tuple(other for other in self.edits if other.axis != edit.axis)
        return replace(self, edits=(*others, edit))

    def with_policy(self, level: int, policy: Policy) -> Recipe:
        """This recipe with the policy of one level changed."""
        _whole("level", level, 1, self.depth)
        changed = list(self.policies)
        changed[level - 1] = policy
        return replace(self, policies=tuple(changed))

    def reset(self, level: int | None = None) -> Recipe:
        """One level back to no edit and `keep`, or everything back to the zero recipe."""
        if level is None:
            return zero_recipe(self.model, self.image, self.depth)
        kept = tuple(edit for edit in self.edits if edit.level != level)
        return replace(self, edits=kept).with_policy(level, Policy())

    def differs(self, level: int | None = None) -> bool:
        """Whether resetting the level (or everything) would change this recipe."""
        return self.reset(level) != self

    def to_dict(self) -> dict[str, object]:
        """The recipe as JSON-able values, in the form at the top of this file."""
        return {
            "version": self.version,
            "model": self.model,
            "image": self.image,
            "edits": [list(asdict(edit).values()) for edit in self.edits],
            "policies": [list(asdict(policy).values()) for policy in self.policies],
            "temperature": self.temperature,
            "encode_seed": self.encode_seed,
        }

    def to_json(self) -> str:
        """The recipe as one line of JSON; `Recipe.from_json` gives an equal recipe back."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, source: str | Mapping[str, object], depth: int | None = None) -> Recipe:
        """A recipe from JSON text, or from the mapping already parsed.

        Args:
            source: The JSON of `to_json`.
            depth: The number of levels that the model has, where it is known.

        Raises:
            BadInput: If it is no recipe; the message names the field and what is allowed.
        """
        fields = _fields(source)
        policies = tuple(
            _named(f"policies[{at}]", _policy_from, entry)
            for at, entry in enumerate(_listed("policies", fields["policies"], MAX_DEPTH))
        )
        if depth is not None and len(policies) != depth:
            raise _bad("policies", f"has {len(policies)} entries, but the model has {depth} levels")
        edits = tuple(
            _named(f"edits[{at}]", _edit_from, entry)
            for at, entry in enumerate(_listed("edits", fields["edits"], MAX_EDITS))
        )
        values = {key: fields[key] for key in _KEYS if key not in ("edits", "policies")}
        return cls(policies=policies, edits=edits, **values)  # type: ignore[arg-type]


def zero_recipe(model: str, image: str, depth: int) -> Recipe:
    """The recipe that changes nothing: its picture is the reconstruction."""
    return Recipe(model, image, (Policy(),) * depth)


def _canonical(edits: Iterable[Edit], depth: int) -> tuple[Edit, ...]:
    seen: set[tuple[int, str, int]] = set()
    for edit in edits:
        if edit.level > depth:
            raise _bad("level", f"is {edit.level}, allowed are whole numbers from 1 to {depth}")
        if edit.axis in seen:
            raise _bad(
                "edits", f"has level {edit.level}, {edit.kind} {edit.index} twice, allowed is once"
            )
        seen.add(edit.axis)
    return tuple(sorted((e for e in edits if e.sigma != 0.0), key=lambda edit: edit.axis))


def _policy(policy: Policy) -> Policy:
    _one_of("kind", policy.kind, POLICY_KINDS)
    _whole("seed", policy.seed, 0, MAX_SEED)
    return replace(policy, rho=_number("rho", policy.rho, 0.0, 1.0))


def _policy_from(entry: object) -> Policy:
    kind, seed, rho = _entry(entry, "[kind, seed, rho]", 3)
    return _policy(Policy(kind, seed, rho))  # type: ignore[arg-type]


def _edit_from(entry: object) -> Edit:
    level, kind, index, sigma = _entry(entry, "[level, kind, index, sigma]", 4)
    return Edit(level, kind, index, sigma)  # type: ignore[arg-type]


def _fields(source: str | Mapping[str, object]) -> Mapping[str, object]:
    parsed: object = source
    if isinstance(source, str):
        if len(source) > MAX_JSON_CHARS:
            raise BadInput(f"the recipe is longer than {MAX_JSON_CHARS:,} letters - {_WHAT_TO_DO}")
        try:
            parsed = json.loads(source, object_pairs_hook=_no_key_twice)
        except (ValueError, RecursionError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"the recipe is not valid JSON - {_WHAT_TO_DO}") from error
    if not isinstance(parsed, Mapping):
        raise BadInput(f"the recipe is not a JSON object in curly braces - {_WHAT_TO_DO}")
    if "version" in parsed:  # before the keys, since another version may well have others
        _check_version(parsed["version"])
    unknown = [key for key in parsed if key not in _KEYS]
    missing = [key for key in _KEYS if key not in parsed]
    for word, keys in (("unknown", unknown), ("missing", missing)):
        if keys:
            names = ", ".join(repr(str(key)[:40]) for key in keys[:8])
            raise BadInput(f"the recipe has {word} keys: {names} - {_WHAT_TO_DO}")
    return parsed


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadInput(f"the recipe has a key twice - {_WHAT_TO_DO}")
    return found


def _named(field: str, parse: Callable[[_V], _R], value: _V) -> _R:
    """Parse one entry, so that an error says in which entry of the list it is."""
    try:
        return parse(value)
    except BadInput as error:
        raise BadInput(str(error).replace("recipe: ", f"recipe: {field} ", 1)) from error


def _listed(field: str, value: object, most: int) -> list[object]:
    if not isinstance(value, list | tuple):
        raise _bad(field, f"is {_shown(value)}, allowed is a list")
    _check_count(field, len(value), 0, most)
    return list(value)


def _entry(value: object, form: str, length: int) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) != length:
        raise _bad("entry", f"is {_shown(value)}, allowed is {form}")
    return list(value)


def _check_version(value: object) -> None:
    if isinstance(value, bool) or value != VERSION:
        raise BadInput(
            f"recipe: version is {_shown(value)}, this Strata reads version {VERSION} - "
            "open it with the Strata that wrote it"
        )


def _check_hash(field: str, value: object) -> None:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise _bad(field, f"is {_shown(value)}, allowed is a hash of 16 digits from 0-9 and a-f")


def _check_count(field: str, count: int, least: int, most: int) -> None:
    if not least <= count <= most:
        raise _bad(field, f"has {count} entries, allowed are {least} to {most}")


def _one_of(field: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise _bad(field, f"is {_shown(value)}, allowed are {', '.join(allowed)}")


def _whole(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _bad(field, f"is {_shown(value)}, allowed are whole numbers from {low} to {high}")


def _number(field: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(field, f"is {_shown(value)}, allowed are numbers from {low:g} to {high:g}")
    if not low <= value <= high or not isfinite(value):
        raise _bad(field, f"is {_shown(value)}, allowed are numbers from {low:g} to {high:g}")
    return float(value) + 0.0  # -0.0 becomes 0.0, so that equal recipes are equal as text too


def _shown(value: object) -> str:
    if isinstance(value, int) and not -(10**40) < value < 10**40:
        return "far too large a number"
    return reprlib.repr(value)


def _bad(field: str, problem: str) -> BadInput:
    return BadInput(f"recipe: {field} {problem} - {_WHAT_TO_DO}")
