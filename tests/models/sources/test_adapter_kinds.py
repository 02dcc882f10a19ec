"""Classes of one's own: densities of real pixels, and other Gaussians than the plain one."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.panels.compare.values import about
from explorer.panels.learn.latex import plain
from explorer.panels.learn.numbers import live_lines
from explorer.render.encode import as_model_sees, encode_image
from explorer.terms.terms import image_terms
from models import evaluate
from models.chain import decode, own_noise, prior_samples, with_own_noise
from models.errors import BadInput
from models.evaluation.measures import seen_test_set
from models.objective import importance_weighted_bound, terms
from models.pixels import to_float
from models.policy import KEEP
from models.sources.adapter import load_adapter
from tests.models.sources.test_adapter import write

# p(x | z_1) is a density of real pixels, which nothing declares.
DENSITY = (
    ("eight_bit = (1, 8, 8), False", "eight_bit = (1, 8, 8), True"),
    ("    def as_seen(self, x):\n        return (x > 0.5).to(x.dtype)\n", ""),
    ("logits = self.down[0](known(z, 1))", "mean = 0.5 + 0.1 * self.down[0](known(z, 1))"),
    ("Bernoulli(logits=logits)", "Normal(mean, 0.1)"),
)
# q of z_1 has a full covariance, given by its factor; p(z_1 | z_2) stays diagonal.
FULL = (
    "gaussian(mean, torch.full_like(mean, 0.5), 1)",
    "torch.distributions.MultivariateNormal(mean, scale_tril="
    "(0.3 * torch.ones(mean.shape[1], mean.shape[1]).tril() + 0.2 * torch.eye(mean.shape[1])))",
)
LOW = (
    "gaussian(mean, torch.full_like(mean, 0.5), 1)",
    "torch.distributions.LowRankMultivariateNormal(mean, 0.3 * torch.ones(mean.shape[1], 1), "
    "0.2 * torch.ones(mean.shape[1]))",
)
BOTH_FULL = (
    "gaussian(mean, torch.ones_like(mean), 1)",
    "torch.distributions.MultivariateNormal(mean, covariance_matrix="
    "torch.eye(mean.shape[-1]) + 0.5)",
)


def test_a_density_of_real_pixels_is_told_in_nats_alone(tmp_path: Path) -> None:
    """Whatever its class says of 8 bits, and nothing of it is binarised."""
    for name, declared in (("a", "True"), ("b", "False")):
        folder = tmp_path / name
        folder.mkdir()
        change = (DENSITY[0][0], f"eight_bit = (1, 8, 8), {declared}")
        found = load_adapter(write(folder, change, *DENSITY[1:]))
        model = found.model
        assert (model.pixel_kind, model.eight_bit) == ("continuous", False)
        assert about("a", "A", model).pixels == "continuous"
        x = to_float(found.examples)
        assert torch.equal(seen_test_set(model, found.examples), x)
        assert torch.equal(as_model_sees(model, found.examples[0]), x[:1])
        told = image_terms(found, found.examples[0])
        assert told.bits_per_dim is None and told.elbo_nats is not None


def test_its_density_may_exceed_one(tmp_path: Path) -> None:
    spec = write(tmp_path, *DENSITY[:3], ("Bernoulli(logits=logits)", "Normal(mean, 5e-2)"),
                 ("rng(0).integers(0, 256,", "rng(0).integers(126, 129,"),
                 ("0.1 * self.down", "0.01 * self.down"))  # fmt: skip
    found = load_adapter(spec)
    told = image_terms(found, found.examples[0])
    assert told.reconstruction_nats is not None and told.reconstruction_nats > 50
    assert told.elbo_nats is not None and told.elbo_nats > 0
    bound = importance_weighted_bound(found.model, to_float(found.examples[:4]), 200)
    assert (bound > told.elbo_nats - 5).all()


def test_a_class_that_says_so_needs_no_support_nor_eight_bit(tmp_path: Path) -> None:
    quiet = (
        "return Independent(Bernoulli(logits=logits), 3)",
        "return Quiet(Normal(0.5 + 0.01 * logits, 0.1))",
    )
    kind = (
        "class Own",
        "class Quiet(torch.distributions.Distribution):\n"
        "    def __init__(self, inner):\n"
        "        super().__init__(validate_args=False)\n"
        "        self.inner, self.own = inner, inner.mean\n"
        "    mean = property(lambda self: self.own)\n"
        "    def log_prob(self, x):\n"
        "        return self.inner.log_prob(x).flatten(1).sum(1)\n\n\nclass Own",
    )
    says = ("image_shape, eight_bit = (1, 8, 8), False", "image_shape = (1, 8, 8)")
    with pytest.raises(BadInput, match="Own has no eight_bit"):
        load_adapter(write(tmp_path, quiet, kind, says))
    says = (says[0], "image_shape, is_continuous = (1, 8, 8), True")
    assert load_adapter(write(tmp_path, quiet, kind, says)).model.pixel_kind == "continuous"


def test_binary_and_eight_bit_classes_stay_what_they_are(tmp_path: Path) -> None:
    found = load_adapter(write(tmp_path))
    assert found.model.pixel_kind == "binary"
    assert set(seen_test_set(found.model, found.examples).unique().tolist()) == {0.0, 1.0}
    default = write(tmp_path, DENSITY[1])  # the base class has the threshold of its own
    x = torch.tensor([[[[0.4, 0.6]]]])
    assert torch.equal(load_adapter(default).model.as_seen(x), (x > 0.5).float())


def test_a_picture_a_little_outside_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = load_adapter(
            write(
                tmp_path,
                *DENSITY[:2],
                ("Bernoulli(logits=logits)", "Normal(1 + 0.1 * logits, 1.0)"),
            )
        )
        image_terms(found, found.examples[0])
    (said,) = caplog.messages
    assert "a little outside [0, 1]" in said and "clipped" in said
    # The likelihood is that of the mean as it is: no clipping there.
    x = to_float(found.examples[:2])
    z = found.model.embed(x).z
    p = found.model.likelihood(z)
    assert float(p.mean.max()) > 1
    wanted = torch.distributions.Normal(p.mean, 1.0).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(p.log_prob(x), wanted)


@pytest.mark.parametrize("top", ["torch.zeros(3)", "torch.zeros(1, 3)", "0 * known(z, 1)[:, :3]"])
def test_the_top_prior_is_of_none_of_one_or_of_all(top: str, tmp_path: Path) -> None:
    found = load_adapter(write(tmp_path, ("torch.zeros(3)", top)))
    plain = load_adapter(write(tmp_path))
    assert found.statistics.reference_rate == plain.statistics.reference_rate
    x = found.model.as_seen(to_float(found.examples[:3]))
    trace = with_own_noise(found.model, found.model.embed(x))
    moved = decode(found.model, trace, (KEEP, KEEP), {2: torch.ones(3)})
    assert moved[2].shape == (3, 3) and not torch.equal(moved[1], trace.z[1])
    if not top.startswith("0"):
        assert prior_samples(found.model, 3).shape == (3, 1, 8, 8)


def test_a_level_of_maps_is_one_event(tmp_path: Path) -> None:
    maps = (
        ("levels = (Level(1, (4,))", "levels = (Level(1, (1, 2, 2))"),
        ("mean = self.up[t - 1](known(z, t - 1).flatten(1))\n",
         "mean = self.up[t - 1](known(z, t - 1).flatten(1))\n"
         "        mean = mean if t == 2 else mean.unflatten(1, (1, 2, 2))\n"),
    )  # fmt: skip
    with pytest.raises(BadInput, match=r"sums over its last 1 dimensions, not over the 3"):
        load_adapter(write(tmp_path, *maps))


@pytest.mark.parametrize("changes", [(FULL,), (LOW,), (BOTH_FULL,), (FULL, BOTH_FULL)])
def test_full_covariances_are_edited_and_measured_as_they_are(
    changes: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    found = load_adapter(write(tmp_path, *DENSITY, *changes))
    model, x = found.model, to_float(found.examples)
    trace = model.embed(x)
    # keep under a moved level: z'_1 = μ' + L'·L⁻¹(z_1 − μ), so that it comes back where it was.
    delta = torch.full((3,), 0.7)
    there = decode(model, trace, (KEEP, KEEP), {2: delta})
    p, q = model.prior(1, trace.z), model.prior(1, there)
    torch.testing.assert_close(there[1] - q.mean, trace.z[1] - p.mean, rtol=1e-4, atol=1e-5)
    assert own_noise(model, trace, 1).shape == trace.z[1].shape
    # the rates are those of their definition, from many draws
    generator = torch.Generator().manual_seed(0)
    eps = tuple(torch.randn((len(x), n), generator=generator) for n in (1, 4, 3))
    drawn = terms(model, x, eps)
    assert bool(torch.isfinite(drawn.rate).all()) and bool((drawn.rate[:, 1] > 0).all())
    # σ along every axis is that of the aggregate posterior
    level, posterior = found.statistics.levels[0], trace.q(1)
    exact = posterior.mean.T.cov(correction=0) + torch.stack(
        [torch.diag(v) if v.ndim == 1 else v
         for v in getattr(posterior, "covariance_matrix", posterior.variance)]).mean(0)  # fmt: skip
    torch.testing.assert_close(level.std, exact.diagonal().sqrt(), rtol=1e-3, atol=1e-4)
    along = torch.einsum("kc,cd,kd->k", level.components, exact, level.components).sqrt()
    torch.testing.assert_close(level.component_std, along, rtol=1e-3, atol=1e-4)
    for t, one in enumerate(found.statistics.levels):
        assert float(one.nats.sum()) == pytest.approx(found.statistics.reference_rate[t], abs=1.0)


def test_the_command_measures_a_class_on_its_own_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = write(tmp_path, *DENSITY, FULL)
    asked = [spec, "--k", "1,3", "--partial", str(tmp_path / "partial")]
    out, report = tmp_path / "m.json", tmp_path / "r.html"
    assert evaluate.main([*asked, "--json", str(out), "--report", str(report)]) == 0
    said = capsys.readouterr()
    assert "−ELBO" in said.out and "PSNR" in said.out and "bits" not in said.out
    assert "measured on the images of Own" in said.err
    result = json.loads(out.read_text())
    assert result["n_images"] == 20 and "neighbours" not in result
    assert "bits_per_dim" not in out.read_text() and "without_inactive" not in result
    page = report.read_text()
    assert "continuous grey images" in page and "measured on the images of Own" in page
    assert f"python -m models.evaluate {spec} --k 1,3" in page
    assert "--write</pre>" not in page and "bits per dim</th>" not in page
    drawn = np.random.default_rng(1).integers(0, 256, (9, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", train=drawn, test=drawn)
    other = ["--data", str(tmp_path / "own.npz"), "--samples", "2", "--json", str(out)]
    assert evaluate.main([*asked, *other]) == 0
    assert json.loads(out.read_text())["n_images"] == 9


@pytest.mark.parametrize(
    ("more", "says"),
    [(["--write"], "give --json FILE"), (["--data", "nowhere"], "there is no data at")],
)
def test_what_a_class_cannot_be_asked_is_said(
    more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([write(tmp_path), *more]) == 2
    assert says in capsys.readouterr().err
    assert evaluate.main([f"{tmp_path}/none.py:Own"]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_learn_says_how_it_is_measured_and_takes_no_share_of_what_is_below_zero(
    tmp_path: Path,
) -> None:
    found = load_adapter(spec := write(tmp_path, *DENSITY))
    lines = live_lines("Own", found)
    command = f"<code>python -m models.evaluate {plain(spec)}</code>"
    assert f"{command} prints them" in lines["decomposition"]
    numbers = {
        "elbo_nats": 40.0, "reconstruction_nats": 60.0, "rate_nats": [15.0, 5.0], "n_images": 9,
    }  # fmt: skip
    lines = live_lines("Own", replace(found, evaluation=numbers))
    assert lines["bits"] == "" and "%" not in lines["rates"] and "nats." in lines["rates"]
    assert "%" in live_lines("Own", replace(found, evaluation=numbers | {
        "elbo_nats": -40.0, "reconstruction_nats": -20.0}))["rates"]  # fmt: skip


def test_an_edit_of_it_is_encoded(tmp_path: Path) -> None:
    found = load_adapter(write(tmp_path, *DENSITY))
    trace = encode_image(found, found.examples[0])
    assert torch.equal(trace.z[0], to_float(found.examples[:1]))
