"""Models made ready: nothing that is always on changes a bit, and what does is stated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from explorer.library import ready
from explorer.library.ready import ForOne, load_ready, prepare, threads_for_latency
from explorer.render.encode import encode_image
from models.base import HierarchicalModel, encode, top_down
from models.chain import draw_noise
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from tests.running import ROOT

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
# torch, while it compiles, uses parts of itself that it has given up.
compiles = pytest.mark.filterwarnings("ignore")


def small() -> MHVAE:
    """A model with levels and networks of both shapes."""
    torch.manual_seed(0)
    network = NetworkConfig(width=16, blocks=1, channels=(8, 8), patch=2)
    config = MHVAEConfig((3, 8, 8), "discretised_logistic", ((4, 4, 4), (6,)), network)
    return MHVAE(config).requires_grad_(False).eval()


def chain(model: HierarchicalModel, count: int) -> list[Tensor]:
    """Priors' means and spreads and the picture of an encoded random image."""
    x = torch.rand((count, *model.image_shape), generator=torch.Generator().manual_seed(1))
    x = x.to(next(model.parameters()).device)
    eps = draw_noise(model, count, torch.Generator().manual_seed(2))
    z = encode(model, x, eps).z
    priors = [model.prior(t, z) for t in top_down(model.depth - 1)]
    return [model.likelihood(z).mean, *(p.mean for p in priors), *(p.stddev for p in priors)]


@pytest.fixture(scope="module", params=["avatars", "digits", "fashion"])
def bundled(request: pytest.FixtureRequest) -> Checkpoint:
    return load_checkpoint(ROOT / "checkpoints" / request.param)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4)])
def test_half_the_cores_draw(cores: int, expected: int) -> None:
    assert threads_for_latency(cores) == expected


@pytest.mark.usefixtures("threads")
def test_the_threads_are_set() -> None:
    assert ready.set_threads_for_latency() == torch.get_num_threads()
    assert torch.get_num_threads() == threads_for_latency(ready.cores())


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_rounding_alone(bundled: Checkpoint) -> None:
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        z = encode_image(bundled, bundled.examples[0]).z
        found.append([*z, bundled.model.prior(1, z).mean, bundled.model.likelihood(z).mean])
    for other in found[1:]:
        for one, more in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, more, rtol=0, atol=2e-5)


def test_convolutions_are_loaded_channels_last(bundled: Checkpoint) -> None:
    maps = [m.weight for m in bundled.model.modules() if isinstance(m, nn.Conv2d)]
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in maps)
    assert bool(maps) == bool(bundled.model.config.network.channels)


def test_without_the_switch_a_model_is_as_it_is_loaded() -> None:
    loaded = load_ready(ROOT / "checkpoints" / "digits")
    assert not any(isinstance(module, ForOne) for module in loaded.model.modules())


def check_prepared(model: HierarchicalModel, ready: HierarchicalModel) -> None:
    """Other pictures by rounding alone, plain ones for a batch, and the original left alone."""
    assert not any(isinstance(module, ForOne) for module in model.modules())
    assert sum(isinstance(module, ForOne) for module in ready.modules()) == model.depth
    with torch.inference_mode():
        for plain, fast in zip(chain(model, 1), chain(ready, 1), strict=True):
            torch.testing.assert_close(plain, fast, rtol=1e-4, atol=1e-4)
        again = chain(ready, 1)
        assert all(torch.equal(a, b) for a, b in zip(again, chain(ready, 1), strict=True))
        several = zip(chain(model, 3), chain(ready, 3), strict=True)
        assert all(torch.equal(a, b) for a, b in several)


@needs_compiler
@compiles
def test_a_compiled_model_draws_the_same_to_rounding() -> None:
    model = small()
    check_prepared(model, prepare(model))


@needs_cuda
def test_a_model_in_graphs_draws_the_same_to_rounding() -> None:
    model = small().to("cuda")
    check_prepared(model, prepare(model))


def test_what_cannot_be_compiled_is_drawn_plainly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(model: MHVAE) -> MHVAE:
        raise RuntimeError("no working C++ compiler found")

    monkeypatch.setattr(ready, "prepare", fails)
    loaded = load_ready(ROOT / "checkpoints" / "digits", compile=True)
    assert not any(isinstance(module, ForOne) for module in loaded.model.modules())
    assert "digits is not compiled" in caplog.text
    assert "no working C++ compiler found" in caplog.text


def test_bfloat16_is_off_because_it_is_not_exact_enough(bundled: Checkpoint) -> None:
    """It would be on if no pixel moved by more than one step of 255; some do, in every model."""
    model, largest = bundled.model, 0.0
    for pixels in bundled.examples[:12]:
        z = encode_image(bundled, pixels).z
        with torch.autocast("cpu", torch.bfloat16):
            rounded = model.likelihood(z).mean.float()
        largest = max(largest, float((rounded - model.likelihood(z).mean).abs().max()))
    assert largest > 1 / 255
    assert all(p.dtype == torch.float32 for p in model.parameters())
