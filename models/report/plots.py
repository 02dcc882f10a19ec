"""The plots of the report, each a figure with its caption and legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.base import Level
from models.checkpoint.statistics import LevelStatistics
from models.evaluation.bounds import Bound
from models.evaluation.neighbours import Neighbours
from models.report.charts import Series, bar_chart, histogram, point_chart
from models.report.html import kept
from models.report.levels import hue_style, level_hue, level_hues, level_name, level_names
from models.report.svg import ONE, THREE, TWO, of_hue
from models.report.words import defined

Facts = dict[str, Any]
EACH_IMAGE = "Every image by itself"
COLOURS = {"one": ONE, "two": TWO, "three": THREE}


def figure(title: str, drawing: str, caption: str, under: str = "") -> str:
    return f"<figure><h3>{title}</h3>{drawing}{under}<figcaption>{caption}</figcaption></figure>"


def kept_figure(page: str, title: str) -> str:
    """A figure of an earlier page; BadInput if it has none of this title."""
    return kept(page, f"<figure><h3>{title}</h3>", "</figure>") + "</figure>"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Names with the attributes of their marks."""
    items = "".join(f"<li {style}><i></i>{name}</li>" for name, style in entries)
    return f"<ul class=legend>{items}</ul>"


def _colours(depth: int) -> list[str]:
    return [of_hue(hue) for hue in level_hues(depth)]


def bound_plot(result: Facts) -> str:
    """The bound against K, over the images of each and over those of the deepest."""
    wide = [b for b in result["bounds"] if b["k"] in result["asked"]["k"]]
    groups = [("one", wide, 0), ("two", result.get("bounds_on_deep_images", []), 5)]
    series = {
        kind: Series(
            f"{bounds[0]['images']:,} images, K",
            [b["nll_nats"] for b in bounds], [b["k"] for b in bounds],
            [b["standard_error"] for b in bounds], colour=COLOURS[kind], shift=shift,
        )
        for kind, bounds, shift in groups if bounds
    }  # fmt: skip
    ks = sorted({b["k"] for b in result["bounds"]})
    drawn = point_chart(
        [*series.values()], "NLL, nats", "K, draws", "the bound against K", True, ks
    )
    entries = [(s.name.removesuffix(", K"), f'class="{kind}"') for kind, s in series.items()]
    caption = (
        f"{defined('nll', 'The bound')} tightens with K. Bars: {defined('error')} over images."
    )
    return figure("Bound and number of draws", drawn, caption, legend(entries))


def nll_plot(bounds: Sequence[Bound]) -> str:
    """How the bound is spread over images."""
    widest = max(bounds, key=lambda bound: (len(bound.images), bound.k))
    series = [Series(f"K = {widest.k:,}", widest.nll.tolist())]
    drawn = histogram(series, "NLL, nats", "how the likelihood is spread over test images")
    caption = f"{len(widest.images):,} test images, K = {widest.k:,}; the last bin takes the rest."
    return figure(EACH_IMAGE, drawn, caption)


def rate_plot(result: Facts) -> str:
    rates, errors = result["rate_nats"], result["rate_standard_error"]
    series = [Series("rate, nats", rates, error=errors)]
    drawn = bar_chart(
        series, level_names(len(rates)), "nats", "rate of each level", _colours(len(rates))
    )
    return figure("Rate of each level", drawn, f"{defined('rate', 'Rates')} ± standard error.")


def reach_plot(result: Facts) -> str:
    reach = result["reach"]
    series = [Series("reach", reach)]
    drawn = bar_chart(
        series, level_names(len(reach)), "RMS of pixels in [0, 1]", "reach of each level",
        _colours(len(reach)), digits=2,
    )  # fmt: skip
    caption = f"{defined('reach', 'How far')} the strongest unit of a level moves the picture."
    return figure("Reach of each level", drawn, caption)


def active_plot(result: Facts, levels: Sequence[Level]) -> str:
    """Both counts against the number of coordinates."""
    depth = len(levels)
    series = [
        Series("active", result["active_units"]),
        Series("as Burda et al. count", result["active_units_burda"]),
    ]
    drawn = bar_chart(
        series, level_names(depth), "units", "active units", _colours(depth), digits=0,
        wholes=[level.channels for level in levels],
    )  # fmt: skip
    entries = [("active", 'class="full"'), ("as Burda et al. count", 'class="pale"'),
               ("all there are", 'class="faint"')]  # fmt: skip
    caption = (
        f"{defined('active', 'Active units')} as this project counts them, and as "
        f"{defined('burda', 'Burda et al.')} do."
    )
    return figure("Active units", drawn, caption, legend(entries))


def coordinate_plot(statistics: Sequence[LevelStatistics]) -> str:
    """The nats of every coordinate, sorted, level by level."""
    series, entries = [], []
    for t, level in enumerate(statistics, start=1):
        order = level.nats.argsort(descending=True)
        nats, active = level.nats[order].tolist(), level.active[order].tolist()
        colour = of_hue(level_hue(t))
        series.append(Series(f"{level_name(t)}, rank", nats, filled=active, colour=colour))
        entries.append((level_name(t), f'class="level"{hue_style(level_hue(t))}'))
    drawn = point_chart(
        series, "nats", "coordinate, by rank", "nats of each coordinate", radius=2.2
    )
    entries += [("inactive", "class=ring")]
    caption = f"{defined('coordinate', 'The share')} of each coordinate in its level's rate."
    return figure("Nats per coordinate", drawn, caption, legend(entries))


def distance_plot(near: Neighbours) -> str:
    """How near samples and references come to the training set."""
    groups = (
        ("samples", near.samples, "one"), ("test images", near.tests, "two"),
        ("reconstructions of test images", near.reconstructions, "three"),
    )  # fmt: skip
    series = [
        Series(name, found.distance[:, 0].tolist(), colour=COLOURS[kind])
        for name, found, kind in groups
    ]
    drawn = histogram(series, "distance to the nearest training image", "nearest distances", 30)
    entries = [(name, f"class={kind}") for name, _, kind in groups]
    caption = (
        f"{defined('distance', 'Distances')} to the nearest of all training images. A memorised "
        "sample would stand far to the left."
    )
    return figure("Distance to the training set", drawn, caption, legend(entries))
