"""A model class of one's own: the worked example, and what is said of a class that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.errors import BadInput
from models.evaluation.measures import psnr_of_each
from models.pixels import to_float
from models.sources.adapter import is_adapter, load_adapter
from tests.running import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "eigenfaces.py"
OWN = """
import numpy as np
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal
from models.base import HierarchicalModel, Level, gaussian, known

class Own(HierarchicalModel):
    image_shape, eight_bit = (1, 8, 8), False
    levels = (Level(1, (4,)), Level(2, (3,)))

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.up = nn.ModuleList([nn.Linear(64, 4), nn.Linear(4, 3)])
        self.down = nn.ModuleList([nn.Linear(4, 64), nn.Linear(3, 4)])

    def images(self):
        return np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)

    def as_seen(self, x):
        return (x > 0.5).to(x.dtype)

    def posterior(self, t, z):
        mean = self.up[t - 1](known(z, t - 1).flatten(1))
        return gaussian(mean, torch.full_like(mean, 0.5), 1)

    def prior(self, t, z):
        mean = self.down[1](known(z, 2)) if t == 1 else torch.zeros(3)
        return gaussian(mean, torch.ones_like(mean), 1)

    def likelihood(self, z):
        logits = self.down[0](known(z, 1)).unflatten(1, self.image_shape)
        return Independent(Bernoulli(logits=logits), 3)
"""


def write(folder: Path, *changes: tuple[str, str]) -> str:
    """OWN with some changes, as FILE.py:CLASS."""
    text = OWN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "own.py").write_text(text)
    return f"{folder / 'own.py'}:Own"


def test_the_worked_example_is_short_and_reconstructs_its_faces() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 40
    checkpoint = load_adapter(f"{EXAMPLE}:Eigenfaces")
    x = to_float(checkpoint.examples)
    mean_only = -10 * torch.log10((x - x.mean(0)).flatten(1).square().mean(1))
    assert float(psnr_of_each(checkpoint.model, x).mean()) > float(mean_only.mean()) + 3
    assert checkpoint.statistics.levels[0].active.all()


def test_in_the_example_q_is_the_posterior_of_its_gaussian_model() -> None:
    """W'W + σ² has to be diagonal, and the mean M⁻¹ W'(x − μ) (Tipping & Bishop 1999, eq. 9)."""
    model = load_adapter(f"{EXAMPLE}:Eigenfaces").model
    w, noise = model.get_buffer("w"), float(model.noise)  # pyright: ignore[reportArgumentType]
    x = torch.rand(2, *model.image_shape)
    m = w.T @ w + noise * torch.eye(16)
    wanted = torch.linalg.solve(m, w.T @ (x.flatten(1) - model.get_buffer("centre")).T).T
    q = model.posterior(1, (x, None))
    torch.testing.assert_close(q.mean, wanted, rtol=1e-4, atol=1e-4)
    variance = noise * torch.linalg.inv(m).diagonal()
    torch.testing.assert_close(q.stddev[0].square(), variance, rtol=1e-3, atol=1e-7)


def test_a_class_of_two_levels_is_measured_and_known_by_weights_and_file(tmp_path: Path) -> None:
    spec = write(tmp_path)
    assert is_adapter(spec)
    checkpoint = load_adapter(spec)
    assert checkpoint.name == "Own"
    assert len(checkpoint.statistics.levels) == 2
    assert checkpoint.hash == load_adapter(spec).hash
    other = write(tmp_path, ("torch.manual_seed(0)", "torch.manual_seed(1)"))
    assert checkpoint.hash != load_adapter(other).hash


FAULTS = {
    "no method": (("def posterior", "def behind"), r"Own lacks posterior"),
    "no images": (("def images", "def pictures"), r"Own lacks images"),
    "no class": (("class Own", "class Other"), r"no class Own; it has Other"),
    "no base": (("Own(HierarchicalModel)", "Own(nn.Module)"), r"derive it"),
    "syntax": (("import torch\n", "import torch torch\n"), r"own.py' fails with SyntaxError"),
    "init": (("torch.manual_seed(0)", "1 / 0"), r"Own\(\) fails with ZeroDivisionError"),
    "levels": (("levels =", "floors ="), r"Own has no levels"),
    "float images": (("dtype=np.uint8)", "dtype=np.int64)"), r"images\(\) gives an array of int64"),
    "few channels": (("(20, 8, 8, 1)", "(20, 8, 8, 3)"), r"images\(\) has shape \(20, 8, 8, 3\)"),
    "seen": (("(x > 0.5).to(x.dtype)", "x[:, :, :4]"), r"as_seen\(x\) has shape"),
    "raises": (("known(z, t - 1)", "known(z, t)"), r"posterior\(1, z\) fails with ValueError"),
    "level size": (("Level(2, (3,))", "Level(2, (5,))"), r"posterior\(2, z\) has shape \(2, 3\)"),
    "no event": (("gaussian(mean, torch.full_like(mean, 0.5), 1)", "Normal(mean, 1.0)"),
                 r"posterior\(1, z\) is no diagonal Gaussian"),
    "tensor": (("gaussian(mean, torch.full_like(mean, 0.5), 1)", "mean"),
               r"posterior\(1, z\) gives a Tensor"),
    "prior": (("torch.zeros(3)", "torch.zeros(4)"), r"prior\(2, z\) has shape \(4,\), not \(3,\)"),
    "picture": (("unflatten(1, self.image_shape)", "unflatten(1, (1, 16, 4))"),
                r"mean has shape \(2, 1, 16, 4\)"),
    "pixels": (("Bernoulli(logits=logits)", "Normal(9 + 0 * logits, 1.0)"),
               r"has pixels from 9 to 9, far outside \[0, 1\]"),
    "no numbers": (("Bernoulli(logits=logits)", "Normal(logits / 0, 1.0, validate_args=False)"),
                   r"pixels that are no numbers"),
    "half an event": (("levels = (Level(1, (4,))", "levels = (Level(1, (2, 2))"),
                      r"posterior\(1, z\) has shape \(2, 4\), not \(2, 2, 2\)"),
    "no Gaussian": (("gaussian(mean, torch.full_like(mean, 0.5), 1)",
                     "Independent(torch.distributions.Laplace(mean, 1.0), 1)"),
                    r"posterior\(1, z\) is no diagonal Gaussian, but a Independent"),
    "pixel sum": (("Independent(Bernoulli(logits=logits), 3)", "Bernoulli(logits=logits)"),
                  r"log_prob\(x\) has shape \(2, 1, 8, 8\), not \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_class_is_named(fault: str, tmp_path: Path) -> None:
    change, says = FAULTS[fault]
    with pytest.raises(BadInput, match=says):
        load_adapter(write(tmp_path, change))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file"):
        load_adapter(f"{tmp_path}/none.py:Own")
    assert not is_adapter("owner/name")
    assert not is_adapter(tmp_path)
