"""How much is measured, and which pages there are to measure."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.decoder import Slider
from benchmarks.driving import View

RATE_HZ = 60.0  # of the mouse in a drag
STRIDE = 0.11  # σ from one place of a drag to the next: a bit over two steps of the slider
STRATA, NAIVE, TUNED, BOUND = DESIGNS = ("strata", "naive", "tuned", "bound")
CROWD = (STRATA, TUNED, BOUND)  # measured with several pages at once
LINKED = (STRATA, BOUND)  # measured over a slower link
SHOW_ALL = "#strata-desk [data-action=show-all]:visible"


@dataclass(frozen=True)
class Plan:
    """How much is measured of one model.

    Args:
        rounds: Blocks of single steps that each design gets, in turn with the others.
        steps: Single steps of a block.
        drags: Drags of each page; each is a block of its own.
        drag_s: How long a drag takes, in seconds.
        settle_s: How long the hand then rests, before the last picture is looked at.
        pages: Numbers of pages that are dragged at the same time.
        rtts_ms: Round trips to add to the link, in milliseconds.
        crowd_drags: Drags with several pages, or over a slower link.
        bank_rounds: Blocks of single steps with few and with all sliders on the page.
    """

    rounds: int
    steps: int
    drags: int
    drag_s: float
    settle_s: float
    pages: tuple[int, ...]
    rtts_ms: tuple[int, ...]
    crowd_drags: int
    bank_rounds: int


FULL = Plan(6, 20, 3, 3.0, 2.0, (1, 4, 8), (60, 200), 3, 3)
QUICK = Plan(3, 8, 2, 1.2, 0.5, (2,), (60, 200), 1, 1)


def views(slider: Slider) -> dict[str, View]:
    """Where each design has its picture, and the slider that moves the stamp.

    Args:
        slider: The axis that is dragged.
    """
    axis = f"[data-level='{slider.level}'][data-kind=coordinate][data-index='{slider.index}']"
    gradio = View(
        picture="#picture img",
        container="#picture",
        slider="#axis-0 input[type=range]",
        overlay="[data-testid=status-tracker]",
    )
    strata = View(
        picture="canvas[data-screen=edit]",
        container=".glass",
        slider=f"#strata-desk input{axis}",
        ready="window.strata && window.strata.settled()",
    )
    bound = View(picture="#picture", container="body", slider="#axis-0")
    return {STRATA: strata, NAIVE: gradio, TUNED: gradio, BOUND: bound}
