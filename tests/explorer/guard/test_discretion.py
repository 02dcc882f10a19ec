"""No folder of the server in what a visitor is told, and nothing else is taken away."""

from __future__ import annotations

import pytest

from explorer.guard.discretion import without_folders
from explorer.library.library import Entry
from explorer.live.requests import error_json
from explorer.live.to_json import entry_json
from models.errors import BadInput


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/ada/runs/a/config.json: missing levels.", "config.json: missing levels."),
        ("the folder '/home/ada lovelace/runs' cannot be made", "the folder 'runs' cannot be made"),
        ("run python -m models.train --out /srv/x/runs/a --resume", "--out a --resume"),
        ("no file '/model.pt'", "no file 'model.pt'"),
        (r"in 'C:\Users\ada\runs' or C:\Users\ada\x.png", "in 'runs' or x.png"),
        ("(/tmp/gradio/0a1b/p.png), then ~/data/faces", "(p.png), then faces"),
        ("'/srv/data/': no pictures", "'data': no pictures"),
        ('in "/srv/strata/runs".', 'in "runs".'),
    ],
)
def test_of_a_path_its_last_part_is_told(text: str, told: str) -> None:
    assert told in without_folders(text)
    assert without_folders(without_folders(text)) == without_folders(text)


@pytest.mark.parametrize(
    "text",
    [
        "/reconstruct gives the JSON that /render takes",
        "see https://huggingface.co/ada/faces, and/or 1/2 σ a/b/c",
        "runs/a is stopped; 64×64/256 pixels, it's 3/4 of the side's half",
        "",
    ],
)
def test_what_is_no_path_stays(text: str) -> None:
    assert without_folders(text) == text


def test_answers_and_the_list_of_models_are_discreet() -> None:
    assert error_json(BadInput("/srv/a/b.png is no picture"))["error"] == "b.png is no picture"
    broken = Entry("runs/a", "runs", "a", "A", error="/srv/runs/a/model.pt is a pickle")
    assert entry_json(broken)["error"] == "model.pt is a pickle"
    assert entry_json(Entry("runs/b", "runs", "b", "B"))["error"] is None
