"""The Learn tab: the text of docs/theory.md with the measured numbers of a model, as values."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import gradio as gr
import pytest
from torch import Tensor
from torch.distributions import Distribution

from explorer.library.library import Library
from explorer.live.requests import CALM
from explorer.live.server import Live
from explorer.panels.learn.latex import Part, equation, grouped, plain, short, total
from explorer.panels.learn.numbers import kind_of, live_lines
from explorer.panels.learn.panel import contents_html, enter, read, title_of
from explorer.panels.learn.text import headings, page, theory
from models.base import Chain
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.evaluation.forms import forms_measures, limit_of, measure_forms
from models.evaluation.quick import terms_measures
from tests.explorer.toy import Toy, toy_checkpoint
from tests.models.diffusion_toys import draw_independent, independent
from tests.models.small_hvae import random_hvae
from tests.running import ROOT

MEASURED: dict[str, object] = {
    "elbo_nats": -32.5, "elbo_standard_error": 0.25, "reconstruction_nats": -20.0,
    "rate_nats": [8.0, -0.5, 5.0], "rate_standard_error": [0.1, 0.02, 0.03],
    "n_images": 1200, "draws": 4, "psnr_db": 21.5,
    "bounds": [
        {"k": 1, "nll_nats": 32.75, "standard_error": 0.25, "images": 1200},
        {"k": 50, "nll_nats": 31.25, "standard_error": 0.2, "images": 1200},
        {"k": 500, "nll_nats": 30.0, "standard_error": 0.9, "images": 100},
    ],
}  # fmt: skip
NUMBER = re.compile(r"underbrace\{\(?([\d{},.-]+?)\)?\}_\{(.+?)\}\$")


def measured(model: Toy | None = None, /, **changes: object) -> Checkpoint:
    """A toy with an evaluation; a key that is None is left out."""
    values = {k: v for k, v in {**MEASURED, **changes}.items() if v is not None}
    toy = vars(toy_checkpoint())
    return cast(
        Checkpoint, SimpleNamespace(**{**toy, "evaluation": values, "model": model or toy["model"]})
    )


def numbers(line: str) -> list[tuple[str, str]]:
    """The symbols of an equation with the numbers over them."""
    return [(symbol, value.replace("{,}", "")) for value, symbol in NUMBER.findall(line)]


# ---- the numbers ----


@pytest.mark.parametrize("name", ["avatars", "digits", "fashion", "photos"])
def test_the_parts_on_the_page_are_those_of_the_evaluation_and_add_up(name: str) -> None:
    folder = ROOT / "checkpoints" / name
    stored = json.loads((folder / "evaluation.json").read_text())
    line = live_lines(name, load_checkpoint(folder))["decomposition"]
    (_, elbo), (_, rest), *rates = numbers(line)
    digits = len(elbo.partition(".")[2])
    assert float(elbo) == round(-stored["elbo_nats"], digits)
    assert float(rest) == round(-stored["reconstruction_nats"], digits)
    assert [float(v) for _, v in rates] == [round(r, digits) for r in stored["rate_nats"]]
    assert [symbol for symbol, _ in rates] == [
        f"\\mathrm{{rate}}_{{{t}}}" for t in range(1, len(rates) + 1)
    ]
    parts = float(rest) + sum(float(v) for _, v in rates)
    assert round(parts - float(elbo), digits) == 0
    assert f"{stored['n_images']:,} test images" in line
    assert f"−ELBO is {-stored['elbo_nats']:,.4f}" in line


def test_every_line_says_what_was_measured() -> None:
    lines = live_lines("toy", measured())
    assert numbers(lines["rates"]) == [
        ("\\mathrm{KL}(q \\Vert p)", "12.50"), ("\\mathrm{rate}_{1}", "8.00"),
        ("\\mathrm{rate}_{2}", "-0.50"), ("\\mathrm{rate}_{3}", "5.00"),
    ]  # fmt: skip
    assert "$\\mathrm{rate}_{2} = -0.50$, below zero" in lines["rates"] and "38 %" in lines["rates"]
    assert "$\\mathrm{rate}_{2} = -0.50$ ± 0.020" in lines["levels"]
    assert numbers(lines["gap"]) == [
        ("L_{50} - L_1", "1.50"),
        ("-L_1", "32.75"),
        ("-L_{50}", "31.25"),
    ]
    assert "$-$" in lines["gap"] and "1,200 test images" in lines["gap"]
    assert "$-L_{50} = 31.25 \\pm 0.20$" in lines["bounds"] and "500" not in lines["bounds"]
    assert "\\frac{32.50}{16 \\cdot 0.6931} = 2.930$" in lines["bits"]
    assert "$T = 3$" in lines["model"] and "1×4×4 = 16 values" in lines["model"]
    assert lines["stops"] == ""


def test_an_evaluation_from_before_has_fewer_lines() -> None:
    old = measured(
        bounds=None, elbo_standard_error=None, rate_standard_error=None,
        k=50, nll_nats=31.5, nll_standard_error=0.5, nll_images=100,
    )  # fmt: skip
    lines = live_lines("toy", old)
    assert lines["gap"] == ""
    assert "over 100 test images: $-L_{50} = 31.50 \\pm 0.50$ nats" in lines["bounds"]
    assert "±" not in lines["levels"] and "8.00" in lines["levels"]
    assert "±" not in lines["decomposition"]


@pytest.mark.parametrize(
    "missing", [{"rate_nats": None}, {"rate_nats": [1.0]}, {"elbo_nats": None}]
)
def test_a_model_that_was_not_measured_says_how(missing: dict[str, object]) -> None:
    lines = live_lines("toy", measured(**missing))
    assert "has not been measured: <code>python -m models.evaluate toy" in lines["decomposition"]
    assert set(lines) == {"model", "stops", "decomposition"}


def test_a_model_without_a_likelihood_has_no_nats() -> None:
    silent = Toy()
    silent.has_likelihood = False
    lines = live_lines("toy", measured(silent))
    assert "no likelihood of its own" in lines["decomposition"]
    assert "PSNR of 21.5 dB" in lines["decomposition"]
    assert not any("nats" in line for line in lines.values())


class Reversed(Toy):
    """A toy that says it can be turned around."""

    def reverse_posterior(self, t: int, x: Tensor, z: Chain) -> Distribution:
        assert t == self.depth and x.shape == (1, 1, 4, 4) and len(z) == 4
        return self.prior(t, z)


def test_which_parts_are_about_a_model() -> None:
    top_down = Toy()
    top_down.infers_top_down = True
    assert kind_of(Toy()) == "markov"
    assert kind_of(Toy(shapes=((3,),))) == "one-level"
    assert kind_of(top_down) == "top-down"
    assert kind_of(Reversed()) == "reversible"
    assert kind_of(random_hvae()) == "top-down"
    assert kind_of(independent(5)) == "reversible"
    assert "$T = 3$, so 2 steps of noise" in live_lines("toy", measured(Reversed()))["stops"]


# ---- both forms ----


@pytest.fixture(scope="module")
def evaluation() -> dict[str, object]:
    """What was measured of a diffusion with twelve stops."""
    model = independent(12)
    x = draw_independent(40)
    terms = terms_measures(model, x, draws=5, seed=0)
    forms = forms_measures(model, measure_forms(model, x, 5))
    forms["limit"] = limit_of(model, terms)
    return json.loads(json.dumps(terms | {"two_forms": forms, "n_images": 40, "draws": 5}))


def test_the_page_has_both_forms_and_their_limit_as_they_were_measured(
    evaluation: dict[str, object],
) -> None:
    lines = live_lines("toy", diffusion(evaluation))
    forms = cast(dict, evaluation["two_forms"])
    first, second, apart = lines["forms"].split("\n>\n")
    keys = {"consistency": "consistency_nats", "denoising": "denoising_matching_nats"}
    for line, name, form in (
        (first, "consistency", forms["log_ratios"]), (second, "denoising", forms["matched"]),
        (lines["limit"], "denoising", forms["limit"]),
    ):  # fmt: skip
        shown = numbers(line)
        symbols = " ".join(symbol for symbol, _ in shown)
        assert len(shown) == 4 and re.search(f"ELBO.*reconstr.*{name}.*prior", symbols)
        wanted = [-form["elbo_nats"], -form["reconstruction_nats"], form[keys[name]],
                  form["prior_matching_nats"]]  # fmt: skip
        for (_, value), exact in zip(shown, wanted, strict=True):
            assert value == f"{exact:.{len(value.partition('.')[2])}f}"
        assert f"± {short(form['elbo_standard_error'])}" in line
    assert "over 40 test images, 5 draws each. First form" in first
    assert (
        f"${forms['difference_nats']:.2f}$ ± {short(forms['difference_standard_error'])}" in apart
    )
    spreads = [forms[name]["std_over_draws_nats"] for name in ("log_ratios", "matched")]
    assert f"varies by ${spreads[0]:.2f}$ nats and the second by ${spreads[1]:.2f}$ (st" in apart
    assert f": {short(forms['variance_ratio'])} of its variance" in apart
    gain = forms["limit"]["elbo_nats"] - forms["matched"]["elbo_nats"]
    assert gain > 0 and f"${gain:.2f}$ nats below the second form" in lines["limit"]
    # The limit is what all other lines are about; each rounds as its own parts ask.
    (symbol, value), (same, again) = (numbers(lines[n])[0] for n in ("decomposition", "limit"))
    assert symbol == same and float(value) == pytest.approx(float(again), abs=0.0051)


def test_both_forms_stand_in_the_part_on_the_diffusion(evaluation: dict[str, object]) -> None:
    checkpoint = diffusion(evaluation)
    lines = live_lines("toy", checkpoint)
    shown = page(theory(), "toy", kind_of(checkpoint.model), "> own", lines)
    places = [
        shown.index(mark) for mark in (
            "### A fixed encoder", "**The second exact form**", "First form:", "Second form,",
            "**Infinitely many stops.**", "with infinitely many stops:", "## Why a rate below",
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_with_one_draw_an_image_nothing_is_said_of_the_spread(
    evaluation: dict[str, object],
) -> None:
    forms = cast(dict, evaluation["two_forms"]) | {"variance_ratio": None}
    line = live_lines("toy", diffusion(evaluation | {"two_forms": forms}))["forms"]
    assert "Second form" in line and "From draw to draw" not in line


def test_a_model_with_one_form_has_no_line_on_two() -> None:
    lines = live_lines("toy", measured())
    assert lines["forms"] == lines["limit"] == ""


def diffusion(evaluation: dict[str, object]) -> Checkpoint:
    return cast(
        Checkpoint,
        SimpleNamespace(**{**vars(measured()), "model": independent(12), "evaluation": evaluation}),
    )


# ---- equations ----


def test_an_equation_shows_as_many_digits_as_it_takes_to_add_up() -> None:
    whole, parts = Part("s", 1.008), [Part("a", 0.504), Part("b", 0.504)]
    assert numbers(equation(whole, parts)) == [("s", "1.008"), ("a", "0.504"), ("b", "0.504")]
    assert "{1{,}234.00}" in equation(Part("s", 1234.0), [Part("a", 1234.0)])
    fewer = [Part("a", 0.1976), Part("b", 0.9159), Part("c", 0.5190), Part("d", 0.6058)]
    assert numbers(equation(Part("s", 2.2383), fewer))[0] == ("s", "2.2")  # .20 + .92 + .52 + .61
    third = Part("s", 2.0), [Part(symbol, 2 / 3) for symbol in "abc"]
    assert numbers(equation(*third))[0] == ("s", "2.00")  # no number of digits does


def test_a_negative_part_is_in_brackets_and_a_difference_is_not() -> None:
    written = equation(Part("s", 3.5), [Part("a", 4.0), Part("b", -0.5)])
    assert "$+$ $\\underbrace{(-0.50)}_{b}$" in written
    assert "$-$ $\\underbrace{0.50}_{b}$" in equation(
        Part("s", 3.5), [Part("a", 4.0), Part("b", 0.5, minus=True)]
    )


def test_dozens_of_levels_are_added_up_in_runs() -> None:
    parts = [Part("rest", 100.0), *(Part(f"r_{{{t}}}", float(t)) for t in range(1, 46))]
    shown = grouped(parts)
    assert shown[0] == parts[0] and len(shown) <= 8
    assert shown[1] == Part("r_{1} + \\dots + r_{7}", 28.0)
    assert total(shown) == total(parts) == 100 + 45 * 46 / 2
    assert grouped(parts[:8]) == parts[:8]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (119.3, "120"),
        (0.2344, "0.23"),
        (5.65, "5.7"),
        (1234.0, "1,200"),
        (0.00321, "0.0032"),
        (0, "0"),
    ],
)
def test_an_error_has_two_digits_that_count(value: float, text: str) -> None:
    assert short(value) == text


# ---- the text ----


def test_the_page_is_the_text_with_its_marks_filled_in() -> None:
    shown = page(theory(), "toy", "markov", "> own line", {"gap": "> a gap"})
    assert "<!--" not in shown and "→" not in shown and "# The theory" not in shown
    assert shown.count("> a gap") == shown.count("> own line") == 1
    assert shown.count("<details") == shown.count("</details>")
    assert shown.count('class="elsewhere"') == 3
    own = shown[shown.index("### A Markov chain") : shown.index("### Inference from the top")]
    assert "own line" in own and "elsewhere" not in own
    other = shown[shown.index("### Inference from the top") : shown.index("### A fixed encoder")]
    source = other.index("hvae.model.HVAE.prior")
    assert other.index("elsewhere") < source < other.rindex("</details>")
    text = theory()
    assert all(formula in shown for formula in re.findall(r"(?s)\$\$.+?\$\$", text))


def test_a_folded_part_has_no_numbers_of_the_model() -> None:
    lines = {"levels": "> rates of it"}
    shown = page(theory(), "toy", "top-down", "> own", lines)
    assert shown.count("> rates of it") == 1
    start = shown.index("### Inference from the top")
    assert start < shown.index("> rates of it") < shown.index("### A fixed encoder")


def test_a_function_stands_under_its_formula_with_its_source() -> None:
    shown = page(theory(), "toy", "markov", "", {})
    at = shown.index("objective.log_weight <i>models/objective.py</i>")
    fold = shown[at : shown.index("</details>", at)]
    assert fold.count("```") == 2
    assert "def log_weight(" in fold
    assert "return total" in fold
    assert "`docs/evaluation.md`" in shown and "](evaluation.md)" not in shown


def test_contents_lead_to_every_heading() -> None:
    found = headings(theory())
    assert found[0] == (2, "The model", "h-the-model")
    assert (2, "The bound, by Bayes' chain rule", "h-the-bound-by-bayes-chain-rule") in found
    assert len({anchor for _, _, anchor in found}) == len(found) > 10
    shown = contents_html()
    assert all(f'href="#{anchor}"' in shown for _, _, anchor in found)


@pytest.mark.parametrize("name", ["a*b*_c_", "<script>x</script>", "`code`", "[a](b)", "$x$ $y$"])
def test_a_name_is_never_read_as_markup(name: str) -> None:
    shown = plain(name)
    assert not re.search(r"[*_<>`$\[\]]", shown)
    assert all(name not in line for line in live_lines(name, measured()).values())


# ---- the handlers ----


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    toys = {"avatars": measured(), "digits": toy_checkpoint("digits", "fedcba9876543210")}
    for name in (*toys, "broken"):
        (tmp_path / name).mkdir()
    server = Live(Library(tmp_path, load=lambda source, _: toys[Path(source).name]))
    yield server
    server.close()


def entered(live: Live, *state: str | None) -> tuple[gr.Dropdown, str | None, str]:
    return asyncio.run(enter(live, *state))


def test_it_opens_with_the_model_of_the_desk(live: Live) -> None:
    shown, seen, text = entered(live, None, "digits", None)
    assert (shown.value, seen) == ("digits", "digits")
    assert [id for _, id in shown.choices] == ["avatars", "digits"]  # what is broken is left out
    assert "**digits** has not been measured" in text
    shown, _, text = entered(live, None, "", None)  # the desk has none yet
    assert shown.value == "avatars" and "1,200 test images" in text


def test_a_choice_made_here_stays_until_the_desk_opens_another(live: Live) -> None:
    assert entered(live, "avatars", "digits", "digits")[0].value == "avatars"
    assert entered(live, "avatars", "digits", "avatars")[0].value == "digits"
    assert entered(live, "no longer there", "digits", "digits")[0].value == "avatars"


def test_a_model_that_cannot_be_opened_leaves_the_text(live: Live) -> None:
    text = asyncio.run(read(live, "broken"))
    assert "the server's log" in text and "## The model" in text
    text = asyncio.run(read(live, "nothing like it"))
    assert "there is no model" in text and "<!--" not in text
    assert "no model can be opened" in asyncio.run(read(live, None))


def test_a_fault_of_ours_is_a_calm_sentence(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.panels.learn.panel.theory", lambda: None)
    assert asyncio.run(read(live, "digits")) == f"> {CALM}"


def test_the_list_says_where_a_model_comes_from(live: Live) -> None:
    entry = asyncio.run(live.entries())[0]
    assert title_of(entry) == "toy"
    assert title_of(replace(entry, title="a", group="runs")) == "a (your run)"
