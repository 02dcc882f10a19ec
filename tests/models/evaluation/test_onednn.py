"""The packed model computes what the model does, on its linear layers' other backend."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.chain import draw_noise
from models.evaluation.bounds import image_log_weights
from models.evaluation.onednn import PackedLinear, packed
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import log_weight
from tests.models.oracle import LinearGaussianChain
from tests.models.tiny import tiny_model


@pytest.mark.parametrize("rows", [1, 50, 251])
def test_it_gives_the_same_weights_to_single_precision(rows: int) -> None:
    torch.manual_seed(0)
    config = MHVAEConfig((1, 8, 8), "bernoulli", ((6,), (4,)), NetworkConfig(32, 2, (8, 8), 2))
    model = MHVAE(config).requires_grad_(False).eval()
    x = (torch.rand(rows, 1, 8, 8) > 0.5).float()
    eps = draw_noise(model, rows)
    with torch.inference_mode():
        found, wanted = log_weight(packed(model), x, eps), log_weight(model, x, eps)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-4)


def test_the_model_itself_is_left_alone() -> None:
    model = tiny_model()
    before = [type(m) for m in model.modules()]
    other = packed(model)
    assert [type(m) for m in model.modules()] == before
    assert sum(isinstance(m, PackedLinear) for m in other.modules()) == before.count(nn.Linear) > 0
    assert nn.Linear not in [type(m) for m in other.modules()]


def test_what_cannot_be_packed_is_returned_as_it_is() -> None:
    chain, double = LinearGaussianChain((3, 2)), tiny_model().double()
    assert packed(chain) is chain
    assert packed(double) is double


def test_a_model_of_linear_layers_alone_is_measured() -> None:
    """Packed it has no parameter left, only a buffer that says where it lies."""
    sizes = NetworkConfig(16, 1, norm="none")
    config = MHVAEConfig((1, 8, 8), "bernoulli", ((6,), (4,)), sizes)
    model = packed(MHVAE(config).requires_grad_(False).eval())
    assert not list(model.parameters())
    assert model.like.device.type == "cpu"
    assert np.isfinite(image_log_weights(model, torch.ones(1, 8, 8), 0, 3, seed=0)).all()
