"""docs/theory.md: what it links to is there, GitHub can show it, and the panel knows its marks."""

from __future__ import annotations

import re

import pytest

from explorer.panels.learn.numbers import kind_of, live_lines
from explorer.panels.learn.text import ARROW, CODE_LINK, MARK, THEORY, source_of, theory
from models.checkpoint.checkpoint import load_checkpoint
from tests.running import ROOT

TEXT = theory()
BLOCKS = TEXT.strip().split("\n\n")
LINKS = sorted({link for block in BLOCKS for link in CODE_LINK.findall(block)})
DISPLAYED = [block for block in BLOCKS if block.startswith("$$")]
INLINE = re.findall(r"(?s)(?<!\$)\$(?!\$)(.+?)\$", re.sub(r"(?s)\$\$.+?\$\$", "", TEXT))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link[0])
def test_every_function_it_names_is_in_the_file_it_links(link: tuple[str, str]) -> None:
    name, path = link
    file = (THEORY.parent / path).resolve()
    assert file.is_relative_to(ROOT) and file.is_file()
    module = name[: name.index(f"{file.stem}.") + len(file.stem)]
    assert file.with_suffix("").as_posix().endswith("/" + module.replace(".", "/"))
    source = source_of(file, name)
    assert re.search(rf"^(def|class) {name.split('.')[-1]}\b", source, flags=re.MULTILINE)


def test_a_name_that_is_not_there_is_found_out() -> None:
    with pytest.raises(LookupError, match=r"objective\.no_such"):
        source_of(ROOT / "models" / "objective.py", "objective.no_such")
    with pytest.raises(LookupError, match=r"Terms\.missing"):
        source_of(ROOT / "models" / "objective.py", "objective.Terms.missing")


def test_every_formula_is_followed_by_the_function_that_computes_it() -> None:
    """At the latest with the formula after next, and before the next heading."""
    assert len(DISPLAYED) > 25 and len(LINKS) > 35
    for at, block in enumerate(BLOCKS):
        if block.startswith("$$"):
            near = BLOCKS[at + 1 : at + 4]
            until = next((n for n, b in enumerate(near) if b.startswith("#")), len(near))
            assert any(b.startswith(ARROW) for b in near[:until]), block


def test_an_arrow_has_links_and_nothing_else() -> None:
    for block in BLOCKS:
        if block.startswith(ARROW):
            assert CODE_LINK.sub("", block.removeprefix(ARROW)).strip() == "", block


def test_every_formula_is_one_that_github_and_katex_read_alike() -> None:
    """No sign of Markdown inside: its escapes, its emphasis, its links and HTML."""
    assert len(INLINE) > 120
    for formula in (*(block.strip("$") for block in DISPLAYED), *INLINE):
        assert not re.search(r"\\[^A-Za-z ]", formula), formula  # an escape: \, \{ \\ …
        assert not re.search(r"[*<>`~#&]|\]\(", formula), formula
        assert not re.search(r"(^|[^A-Za-z0-9])_", formula), formula  # would begin emphasis
        assert formula.count("{") == formula.count("}"), formula
        assert formula.count("\\left") == formula.count("\\right"), formula
    for block in DISPLAYED:
        assert block.startswith("$$\n") and block.endswith("\n$$") and block.count("$") == 4, block


def test_dollars_stand_where_github_takes_them_for_formulas() -> None:
    prose = "\n\n".join(block for block in BLOCKS if not block.startswith("$$"))
    assert prose.count("$") == 2 * len(INLINE)
    for before, formula, after in re.findall(r"(?s)(^|.)\$([^$]+)\$(.|$)", prose):
        assert before in ("", " ", "\n", "(", "-"), (before, formula)
        assert after in ("", " ", "\n", ",", ".", ":", ";", ")"), (formula, after)
        assert formula == formula.strip(), formula


def test_no_line_of_a_table_is_broken_by_a_formula() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert len(rows) == 6 and {line.count("|") for line in rows} == {5}


def test_every_mark_is_filled_by_some_model_and_every_line_has_its_mark() -> None:
    marks = [match for block in BLOCKS if (match := MARK.match(block))]
    assert TEXT.count("<!--") == len(marks)
    live = {match[2] for match in marks if match[1] == "live"}
    checkpoint = load_checkpoint(ROOT / "checkpoints" / "avatars")
    assert live == set(live_lines("avatars", checkpoint))
    families = [match[2] for match in marks if match[1] == "family"]
    assert sorted(families) == ["markov", "one-level", "reversible", "top-down"]
    assert kind_of(checkpoint.model) == "markov"
