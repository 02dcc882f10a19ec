"""What the Compare tab offers, and what the page is told."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.images.opening import Ref
from explorer.library.library import Entry, Library
from explorer.live.server import Live
from explorer.panels.compare import panel
from explorer.panels.compare.choice import Choice, Shape, options, settled
from explorer.panels.compare.drawing import Comparing
from explorer.panels.compare.view import ladder_html, redrawn_html
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.errors import BadInput
from tests.explorer.comparing import comparing_toys, run, subject_in
from tests.models.saved import save_small


@pytest.fixture
def comparing(tmp_path: Path) -> Iterator[Comparing]:
    with comparing_toys(tmp_path) as made:
        yield made


OF: dict[str, Shape | None] = {
    "a": (3, 64, 64), "b": (1, 28, 28), "c": (1, 28, 28), "d": (3, 64, 64), "e": (1, 28, 28),
    "f": None,
}  # fmt: skip


def entries_of(shapes: Mapping[str, Shape | None]) -> tuple[Entry, ...]:
    """Models that take these shapes; those that take none cannot be loaded."""
    return tuple(
        Entry(id, "bundled", id, id.upper(), image_shape=shape) for id, shape in shapes.items()
    )


ENTRIES = entries_of(OF)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (("b", "c"), ("b", "c")),
        (("c", "e", "b"), ("c", "e", "b")),
        (("b", "d", "e"), ("b", "e")),  # another shape
        (("a", "b"), ("a", "d")),  # what fits comes beside it
        (("b", "b"), ("b", "c")),
        (("f", "b"), ("b", "c")),  # f cannot be loaded
        (("gone",), ("a", "d")),
        ((), ("a", "d")),
    ],
)
def test_what_of_a_choice_can_be_shown(asked: tuple[str, ...], shown: tuple[str, ...]):
    assert settled(Choice(asked), ENTRIES).ids == shown


def test_what_is_shown_first():
    ids = (
        "avatars",
        "digits",
        "digits-hvae",
        "digits-mhvae",
        "digits-vae",
        "digits-vdm",
        "fashion",
    )
    shapes: dict[str, Shape | None] = dict.fromkeys(ids, (1, 28, 28)) | {"avatars": (3, 64, 64)}
    four = ("digits-vae", "digits-mhvae", "digits-hvae", "digits-vdm")
    assert settled(Choice(), entries_of(shapes)).ids == four
    broken = entries_of(shapes | {"digits-vdm": None})
    assert settled(Choice(), broken).ids == ("digits", "fashion")
    assert settled(Choice(), entries_of(shapes)[:1]).ids == ("avatars",)
    assert settled(Choice(), ()).ids == ()


def test_why_a_model_cannot_stand_beside_another():
    assert {o.id: o.refused for o in options(ENTRIES, "b")} == {
        "a": "takes 64×64 colour", "b": None, "c": None, "d": "takes 64×64 colour", "e": None,
        "f": "cannot be loaded",
    }  # fmt: skip
    first = {o.id: o.refused for o in options(ENTRIES, None)}
    assert first == dict.fromkeys("abcde") | {"f": "cannot be loaded"}


def test_a_choice_survives_json_and_a_wrong_one_is_refused():
    choice = Choice(("a", "b"), Ref("upload", key="k"), 12)
    assert Choice.parse(choice.to_json()) == choice
    assert Choice.parse({}) == Choice()
    for wrong in (None, [], {"ids": "a"}, {"ids": [1]}, {"seed": "1"}, {"seed": True},
                  {"image": {"kind": "file"}}):  # fmt: skip
        with pytest.raises(BadInput):
            Choice.parse(wrong)


def test_models_of_other_shapes_are_refused(comparing: Comparing):
    with pytest.raises(BadInput, match="colour takes 6×6 colour images, the first model 8×8 grey"):
        run(lambda: comparing.subject(Choice(("grey", "colour")), 1))
    with pytest.raises(BadInput, match="no such model"):
        run(lambda: comparing.subject(Choice(("grey",)), 1))


# ---- what the page is told ----


def call(comparing: Comparing, which: str, /, **request: object) -> dict[str, Any]:
    functions = {function.__name__: function for function in panel.functions(comparing)}
    return run(lambda: functions[f"compare_{which}"](request))


def test_the_page_is_offered_what_fits_and_told_why_the_rest_does_not(comparing: Comparing):
    answer = call(comparing, "offer", choice={"ids": ["grey", "general", "colour"]})
    assert answer["choice"]["ids"] == ["grey", "general"]
    first, second = answer["slots"][0], answer["slots"][1]
    assert '<option value="colour">colour</option>' in first
    assert '<option value="colour" disabled>colour – takes 6×6 colour</option>' in second
    assert '<option value="grey" disabled>grey – is here already</option>' in second
    assert "no model" not in second and "no model" in answer["slots"][2]
    assert answer["table"].index("grey") < answer["table"].index("general")
    alone = call(comparing, "offer", choice={"ids": ["colour"]})
    assert alone["choice"]["ids"] == ["colour"]
    assert "No other model here takes 6×6 colour images" in alone["notice"]
    past = call(comparing, "offer", choice={"image": {"kind": "example", "index": 49}})
    assert past["choice"]["image"]["index"] == 0  # 48 are shown


def test_what_is_offered_is_known_without_loading_it(tmp_path: Path):
    loaded: list[str] = []

    def load(source: str | Path, device: str) -> Checkpoint:
        loaded.append(Path(source).name)
        return load_checkpoint(source, device)

    for which in ("vector", "general", "diffusion", "maps"):
        save_small(tmp_path, which)
    live = Live(Library(tmp_path, load=load))
    answer = call(Comparing(live), "offer", choice={"ids": ["general"]})
    live.close()
    assert answer["choice"]["ids"] == ["general", "diffusion"] == loaded
    assert '<option value="vector">vector</option>' in answer["slots"][1]
    assert '<option value="maps" disabled>maps – takes 16×16 colour</option>' in answer["slots"][1]


def test_a_chosen_model_that_turns_out_broken_gives_way_to_another(tmp_path: Path):
    for which in ("vector", "general", "diffusion"):
        save_small(tmp_path, which)
    shutil.copy(tmp_path / "vector" / "model.safetensors", tmp_path / "general")
    live = Live(Library(tmp_path))
    comparing = Comparing(live)
    answer = call(comparing, "offer", choice={"ids": ["vector", "general"]})
    live.close()
    assert answer["choice"]["ids"] == ["vector", "diffusion"]
    assert "general – cannot be loaded</option>" in answer["slots"][1]


def test_every_part_comes_as_html_with_words_for_its_pictures(comparing: Comparing):
    choice = {"ids": ["grey", "diffusion"], "image": {"kind": "example", "index": 1}}
    for name, count in (("opened", 2), ("ladder", 6), ("samples", 6), ("perturbed", 3)):
        html = call(comparing, name, choice=choice, slot=1, share=0.5)["html"]
        alts = re.findall(r'alt="([^"]+)"', html)
        assert len(alts) == len(set(alts)) == count and all("diffusion" in alt for alt in alts)
    assert "redraws z₁ … z₆ of 12; keeps z₇ … z₁₂" in html
    assert "draws" in call(comparing, "cost", choice=choice, slot=0)["html"]
    assert call(comparing, "bars", choice=choice)["html"].count("data-whose") == 2
    assert float(call(comparing, "time", choice=choice, slot=0)["html"].partition("<")[0]) > 0
    assert call(comparing, "strip", choice=choice)["html"].count("data-picture") == 48


def test_empty_frames_have_the_size_of_what_comes(comparing: Comparing):
    subject = subject_in(comparing, "diffusion")
    shown = subject.about
    perturbed = run(lambda: comparing.perturbed(subject, 0.5, 0))
    ladder = run(lambda: comparing.ladder(subject))
    for empty, full in (
        (redrawn_html(shown, None), redrawn_html(shown, perturbed)),
        (ladder_html(shown, ()), ladder_html(shown, ladder)),
    ):
        assert empty.count("glass") == full.count("glass") and "<img" not in empty
        assert full.count("<img") == full.count("glass")


def test_an_upload_is_compared_and_a_bad_file_is_told_of(comparing: Comparing):
    content = io.BytesIO()
    Image.fromarray(np.full((40, 30), 90, np.uint8)).save(content, "PNG")
    data = base64.b64encode(content.getvalue()).decode()
    image = call(comparing, "upload", data=data, name="mine.png")["image"]
    choice = {"ids": ["grey", "general"], "image": image}
    subject = run(lambda: comparing.subject(Choice.parse(choice), 1))
    assert subject.pixels.shape == (8, 8, 1) and subject.about.title == "general"
    assert call(comparing, "opened", choice=choice, slot=1)["html"].count("<img") == 2

    bad = base64.b64encode(b"no picture at all").decode()
    assert call(comparing, "upload", data=bad, name="notes.txt")["code"] == "bad_input"
    gone = {"ids": ["grey"], "image": {"kind": "upload", "key": "gone"}}
    assert "upload it again" in call(comparing, "opened", choice=gone, slot=0)["error"]
    for wrong in ({"slot": None}, {"slot": True}, {"slot": 9}, {"share": "half"}, {"share": 1.5}):
        answer = call(
            comparing, "perturbed", **{"choice": choice, "slot": 0, "share": 0.5, **wrong}
        )
        assert answer["code"] == "bad_input", wrong
