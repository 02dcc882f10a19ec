"""All that a person chose, as one frozen value: the recipe of DESIGN section 3.

A recipe names its model and its image by hash and holds edits, policies, seeds and the
temperature; it knows neither torch nor gradio. Undo, links, export and replay are nothing
but recipes kept and read again, so one that went through JSON must come out equal:

    {"version": 2, "model": "<16 hex>", "image": "<16 hex>",
     "edits": [[level, kind, index, sigma], ...],     under a region: [..., sigma, n]
     "regions": [[shape, ...], ...],                  its n-th, from 0 (`regions.py`)
     "policies": [[kind, seed, rho], ...],            z_1 … z_T
     "temperature": 1.0, "encode_seed": null}

A recipe of version 1 has no "regions", else it is the same; it is read as one of version 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from explorer.recipe.fields import (
    WHAT_TO_DO,
    bad,
    check_count,
    check_one_of,
    check_whole,
    listed,
    named,
    number,
    shown,
)
from explorer.recipe.regions import MAX_REGIONS, WHOLE, Region, canonical, region_from, table
from models.errors import BadInput
from models.policy import KINDS as POLICY_KINDS
from models.policy import Policy

VERSION = 2
READABLE = (1, 2)
AXIS_KINDS = ("coordinate", "component", "local")
MAX_SIGMA = 3.0
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**31 - 1
MAX_INDEX = 100_000
MAX_DEPTH = 128  # the deepest published model, a VDVAE of ImageNet-32, has 78 levels
MAX_EDITS = 4_096
MAX_JSON_CHARS = 500_000

_KEYS_1 = ("version", "model", "image", "edits", "policies", "temperature", "encode_seed")
_KEYS = (*_KEYS_1[:4], "regions", *_KEYS_1[4:])
_HASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Edit:
    """One slider away from zero: level z_t moves by sigma·σ along one of its axes.

    Args:
        level: The subscript t, from 1.
        kind: One of `AXIS_KINDS`.
        index: The axis among those of its kind, from 0.
        sigma: How far, in [-3, 3], in standard deviations of the aggregate posterior.
        region: Where, for a spatial level; the whole picture by default.
    """

    level: int
    kind: str
    index: int
    sigma: float
    region: Region = WHOLE

    def __post_init__(self) -> None:
        check_whole("level", self.level, 1, MAX_DEPTH)
        check_one_of("kind", self.kind, AXIS_KINDS)
        check_whole("index", self.index, 0, MAX_INDEX)
        object.__setattr__(self, "sigma", number("sigma", self.sigma, -MAX_SIGMA, MAX_SIGMA))
        if self.region != WHOLE:
            object.__setattr__(self, "region", canonical(self.region))

    @property
    def axis(self) -> tuple[int, str, int, Region]:
        """What the edit moves along, and where; no two edits of a recipe share it."""
        return (self.level, self.kind, self.index, self.region)


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
        _check_version(self.version, (VERSION,))
        _check_hash("model", self.model)
        _check_hash("image", self.image)
        check_count("policies", len(self.policies), 1, MAX_DEPTH)
        check_count("edits", len(self.edits), 0, MAX_EDITS)
        policies = tuple(
            named(f"policies[{t}]", _policy, policy) for t, policy in enumerate(self.policies)
        )
        temperature = number("temperature", self.temperature, 0.0, MAX_TEMPERATURE)
        if self.encode_seed is not None:
            check_whole("encode_seed", self.encode_seed, 0, MAX_SEED)
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

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions of the edits, each once."""
        return table(edit.region for edit in self.edits)

    def edits_of(self, level: int) -> tuple[Edit, ...]:
        """The edits of z_t, by its subscript."""
        return tuple(edit for edit in self.edits if edit.level == level)

    def with_edit(self, edit: Edit) -> Recipe:
        """This recipe with one axis moved; a sigma of 0 takes the edit away."""
        others = tuple(other for other in self.edits if other.axis != edit.axis)
        return replace(self, edits=(*others, edit))

    def with_policy(self, level: int, policy: Policy) -> Recipe:
        """This recipe with the policy of one level changed."""
        check_whole("level", level, 1, self.depth)
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
        regions = self.regions
        return {
            "version": self.version,
            "model": self.model,
            "image": self.image,
            "edits": [_edit_json(edit, regions) for edit in self.edits],
            "regions": [[list(shape) for shape in region] for region in regions],
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
            named(f"policies[{at}]", _policy_from, entry)
            for at, entry in enumerate(listed("policies", fields["policies"], MAX_DEPTH))
        )
        if depth is not None and len(policies) != depth:
            raise bad("policies", f"has {len(policies)} entries, but the model has {depth} levels")
        regions = tuple(
            named(f"regions[{at}]", region_from, entry)
            for at, entry in enumerate(listed("regions", fields["regions"], MAX_REGIONS))
        )
        edits = tuple(
            named(f"edits[{at}]", lambda entry: _edit_from(entry, regions), entry)
            for at, entry in enumerate(listed("edits", fields["edits"], MAX_EDITS))
        )
        plain = ("model", "image", "temperature", "encode_seed")
        values = {key: fields[key] for key in plain}
        return cls(policies=policies, edits=edits, **values)  # type: ignore[arg-type]


def zero_recipe(model: str, image: str, depth: int) -> Recipe:
    """The recipe that changes nothing: its picture is the reconstruction."""
    return Recipe(model, image, (Policy(),) * depth)


def _canonical(edits: Iterable[Edit], depth: int) -> tuple[Edit, ...]:
    seen: set[tuple[int, str, int, Region]] = set()
    for edit in edits:
        if edit.level > depth:
            raise bad("level", f"is {edit.level}, allowed are whole numbers from 1 to {depth}")
        if edit.axis in seen:
            where = "" if edit.region == WHOLE else " in one region"
            twice = f"has level {edit.level}, {edit.kind} {edit.index} twice{where}"
            raise bad("edits", f"{twice}, allowed is once")
        seen.add(edit.axis)
    return tuple(sorted((e for e in edits if e.sigma != 0.0), key=lambda edit: edit.axis))


def _policy(policy: Policy) -> Policy:
    check_one_of("kind", policy.kind, POLICY_KINDS)
    check_whole("seed", policy.seed, 0, MAX_SEED)
    return replace(policy, rho=number("rho", policy.rho, 0.0, 1.0))


def _policy_from(entry: object) -> Policy:
    kind, seed, rho = _entry(entry, "[kind, seed, rho]", 3)
    return _policy(Policy(kind, seed, rho))  # type: ignore[arg-type]


def _edit_from(entry: object, regions: tuple[Region, ...]) -> Edit:
    if isinstance(entry, list | tuple) and len(entry) == 5:
        *axis, sigma, at = entry
        if not regions:
            raise bad("region", f"is {shown(at)}, but the recipe lists no regions")
        check_whole("region", at, 0, len(regions) - 1)
        return Edit(*axis, sigma, regions[at])  # type: ignore[arg-type]
    level, kind, index, sigma = _entry(entry, "[level, kind, index, sigma]", 4)
    return Edit(level, kind, index, sigma)  # type: ignore[arg-type]


def _edit_json(edit: Edit, regions: tuple[Region, ...]) -> list[object]:
    plain: list[object] = [edit.level, edit.kind, edit.index, edit.sigma]
    return plain if edit.region == WHOLE else [*plain, regions.index(edit.region)]


def _fields(source: str | Mapping[str, object]) -> Mapping[str, object]:
    parsed: object = source
    if isinstance(source, str):
        if len(source) > MAX_JSON_CHARS:
            raise BadInput(f"the recipe is longer than {MAX_JSON_CHARS:,} letters - {WHAT_TO_DO}")
        try:
            parsed = json.loads(source, object_pairs_hook=_no_key_twice)
        except (ValueError, RecursionError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"the recipe is not valid JSON - {WHAT_TO_DO}") from error
    if not isinstance(parsed, Mapping):
        raise BadInput(f"the recipe is not a JSON object in curly braces - {WHAT_TO_DO}")
    keys = _KEYS
    if "version" in parsed:  # before the keys, since another version may well have others
        _check_version(parsed["version"], READABLE)
        keys = _KEYS if parsed["version"] == VERSION else _KEYS_1
    unknown = [key for key in parsed if key not in keys]
    missing = [key for key in keys if key not in parsed]
    for word, wrong in (("unknown", unknown), ("missing", missing)):
        if wrong:
            names = ", ".join(repr(str(key)[:40]) for key in wrong[:8])
            raise BadInput(f"the recipe has {word} keys: {names} - {WHAT_TO_DO}")
    return {"regions": [], **parsed}


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadInput(f"the recipe has a key twice - {WHAT_TO_DO}")
    return found


def _entry(value: object, form: str, length: int) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) != length:
        raise bad("entry", f"is {shown(value)}, allowed is {form}")
    return list(value)


def _check_version(value: object, allowed: tuple[int, ...]) -> None:
    if isinstance(value, bool) or value not in allowed:
        raise BadInput(
            f"recipe: version is {shown(value)}, this Strata reads versions 1 to {VERSION} - "
            "open it with the Strata that wrote it"
        )


def _check_hash(field: str, value: object) -> None:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise bad(field, f"is {shown(value)}, allowed is a hash of 16 digits from 0-9 and a-f")
