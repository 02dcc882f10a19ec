"""The Compare tab as HTML: a card a model, its perturbed pictures, the table below.

Everything has its place before it is there, so nothing moves when it comes: a picture that is
not drawn yet is an empty frame of the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isinf

from explorer.images.opening import Opened
from explorer.images.png_state import data_url, encode_png
from explorer.live.requests import Json
from explorer.panels.compare.choice import FEWEST, Option
from explorer.panels.compare.values import (
    DRAWS,
    SAMPLES,
    About,
    Perturbed,
    Samples,
    Survival,
    redrawing,
    shown_rungs,
)
from explorer.render.frame import Frame, Rung
from models.report.levels import level_hue, level_name

EMPTY = '<div class="card empty"><p class="fine">Choose a model above to see it here too.</p></div>'


def options_html(some: Sequence[Option], slot: int) -> str:
    """The options of a model's place; one that cannot stand there is greyed and says why."""
    none = '<option value="">no model</option>' if slot >= FEWEST or not some else ""
    listed = (
        f'<option value="{escape(option.id)}"{" disabled" if option.refused else ""}>'
        f"{escape(option.title)}{f' – {option.refused}' if option.refused else ''}</option>"
        for option in some
    )
    return none + "".join(listed)


def strip_html(sprite: Json) -> str:
    """The test pictures to choose from.

    Args:
        sprite: As `to_json.sprite_json` gives them.
    """
    count, columns = int(str(sprite["count"])), int(str(sprite["columns"]))
    rows = -(-count // columns)
    sheet = f"--sheet: url({sprite['png']}); --across: {columns}; --down: {rows}"
    thumbs = "".join(
        f'<button type="button" data-picture="{n}" aria-label="Test picture {n + 1}" '
        f'title="Test picture {n + 1}" aria-pressed="false" tabindex="-1" '
        f'style="background-position: {_tile(n % columns, columns)} {_tile(n // columns, rows)}">'
        "</button>"
        for n in range(count)
    )
    return f'<div class="thumbs" style="{sheet}">{thumbs}</div>'


def card_html(about: About) -> str:
    """The card of a model, its pictures yet to come."""
    title = escape(about.title)
    return (
        f'<article class="card" aria-label="{title}"><div class="head"><h2>{title}</h2>'
        f'<p class="fine" title="{_about(about)}">{_about(about)}</p></div>'
        f'<div data-part="opened">{opened_html(about, None)}</div>'
        f'<div data-part="ladder">{ladder_html(about, ())}</div>'
        f'<div data-part="samples">{samples_html(about, None)}</div></article>'
    )


def opened_html(about: About, opened: Opened | None) -> str:
    """The image as a model sees it, and its reconstruction."""
    seen = None if opened is None else opened.seen
    kept = None if opened is None else opened.reconstruction
    return (
        f'<div class="pair"><figure>{_picture(seen, f"The image as {about.title} sees it")}'
        "<figcaption>Image as it sees it</figcaption></figure>"
        f"<figure>{_picture(kept, f'Reconstruction by {about.title}')}"
        "<figcaption>Reconstruction</figcaption></figure></div>"
    )


def ladder_html(about: About, rungs: Sequence[Rung]) -> str:
    """The ladder of an image: what each level adds, from the top down."""
    depth, shown = about.depth, shown_rungs(about.depth)
    known = {rung.level: rung.frame for rung in rungs}
    steps = "".join(
        f'<figure style="--hue: {level_hue(k)}">'
        f"{_picture(known.get(k), f'{about.title}: {_rung_in_words(k, depth)}')}"
        f"<figcaption>{level_name(k) if k == depth else f'+ {level_name(k)}'}</figcaption></figure>"
        for k in shown
    )
    some = "" if len(shown) == depth else f", {len(shown)} of {depth} rungs"
    return (
        f'<h3>Ladder <span class="fine">what the levels add, top first{some}</span></h3>'
        f'<div class="six">{steps}</div>'
    )


def samples_html(about: About, samples: Samples | None) -> str:
    """Pictures from the prior of a model."""
    frames = [None] * SAMPLES if samples is None else samples.pictures
    pictures = "".join(
        _picture(frame, f"Sample {n} of {about.title}") for n, frame in enumerate(frames, start=1)
    )
    chance = "" if samples is None else f"alike by chance: {_alike(samples.chance)}"
    head = f'<h3>Samples <span class="fine" title="{chance}">{chance}</span></h3>'
    return f'{head}<div class="six">{pictures}</div>'


def redrawn_html(about: About, perturbed: Perturbed | None) -> str:
    """The pictures of a model with its lowest levels redrawn, and what is left in them."""
    title = escape(about.title)
    what, left, levels = "&nbsp;", "&nbsp;", _levels(0, about.depth)
    frames: Sequence[Frame | None] = [None] * DRAWS
    if perturbed is not None:
        t, frames = perturbed.level, perturbed.pictures
        what, left = redrawing(t, about.depth), _left(perturbed.survival)
        levels = _levels(t, about.depth)
    pictures = "".join(
        _picture(frame, f"{about.title}, draw {n} of {DRAWS}: {what}")
        for n, frame in enumerate(frames, start=1)
    )
    return (
        f'<section class="redraw" aria-label="{title}, perturbed"><h3>{title}</h3>'
        f'<div class="three">{pictures}</div><p class="left">{left}</p>'
        f'{levels}<p class="fine what">{what}</p></section>'
    )


def _tile(at: int, count: int) -> str:
    """Where a tile of a sheet is, as background-position counts."""
    return f"{100 * at / max(1, count - 1):.4f}%"


def _about(about: About) -> str:
    levels = f"{about.depth} level{'s' * (about.depth > 1)}"
    likelihood = about.likelihood or "no likelihood of its own"
    return f"{escape(about.kind)} · {levels} · {escape(likelihood)}"


def _rung_in_words(k: int, depth: int) -> str:
    if k == 1:
        return "all levels, which is the reconstruction"
    kept = level_name(k) if k == depth else f"{level_name(depth)} … {level_name(k)}"
    return f"{kept}, the rest at the mean of the prior"


def _picture(frame: Frame | None, alt: str) -> str:
    """A picture, or its empty frame."""
    if frame is None:
        return '<span class="glass"></span>'
    source = data_url(encode_png(frame.pixels))
    return f'<span class="glass"><img alt="{escape(alt)}" src="{source}" draggable="false"></span>'


def _left(survival: Survival) -> str:
    """What survives, and how it was measured."""
    ratio = f"PSNR {survival.psnr_db:.1f} dB to the reconstruction"
    if isinf(survival.psnr_db):
        said = "<b>all of it</b> survives"
    elif survival.equal is None:
        said = f"<b>{survival.psnr_db:.1f} dB</b> to the reconstruction"
    else:
        said = f"<b>{100 * survival.equal:.1f} %</b> of pixels survive, {survival.psnr_db:.1f} dB"
    return f'<span title="{ratio}, over all {DRAWS} draws">{said}</span>'


def _alike(survival: Survival) -> str:
    if isinf(survival.psnr_db):
        return "all of it"
    ratio = f"{survival.psnr_db:.1f} dB"
    return ratio if survival.equal is None else f"{100 * survival.equal:.1f} % of pixels, {ratio}"


def _levels(t: int, depth: int) -> str:
    """The levels as a row of cells from the top down, the redrawn ones hollow."""
    cells = "".join(
        f'<i class="{"new" if s <= t else "old"}" style="--hue: {level_hue(s)}"></i>'
        for s in range(depth, 0, -1)
    )
    return f'<div class="levels" aria-hidden="true">{cells}</div>'
