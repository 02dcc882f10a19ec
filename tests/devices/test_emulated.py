"""The emulated devices refuse what the real ones refuse, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.families.vdm.jacobian import Jacobian
from tests.devices.emulated import Emulated
from tests.devices.operators import entries, has_kernel


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, device="mps")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: ones(2) + torch.ones(2), RuntimeError, "two devices, cpu and mps:0"),
        (lambda: torch.ones(2) + ones(1)[0], RuntimeError, "two devices"),
        (lambda: torch.cat([ones(2), torch.ones(2)]), RuntimeError, "two devices"),
        (lambda: torch.zeros(2)[torch.zeros(1, dtype=torch.long, device="mps")], RuntimeError,
         "two devices"),
        (lambda: ones(2).double(), TypeError, "doesn't support float64"),
        (lambda: torch.zeros(2, dtype=torch.float64, device="mps"), TypeError, "float64"),
        (lambda: torch.zeros(2, dtype=torch.float64).to("mps"), TypeError, "float64"),
        (lambda: ones(2) * torch.eye(2).double().to("mps"), TypeError, "float64"),
        (lambda: ones(2).numpy(), TypeError, "can't convert mps:0"),
        (lambda: np.asarray(ones(2)), TypeError, "can't convert mps:0"),
        (lambda: torch.linalg.eigh(ones(2, 2)), NotImplementedError, "aten::_linalg_eigh"),
        (lambda: torch.linalg.svd(ones(2, 2)), UserWarning, "fall back to run on the CPU"),
        (lambda: F.adaptive_avg_pool2d(ones(1, 1, 7, 7), (4, 4)), NotImplementedError,
         "must be divisible"),
        (lambda: torch.randn(2, generator=torch.Generator(), device="mps"), RuntimeError,
         "'mps' device type for generator"),
        (lambda: ones(2).normal_(generator=torch.Generator()), RuntimeError, "for generator"),
        (lambda: torch.ones(2, device="cuda"), RuntimeError, "no cuda here"),
    ],
)  # fmt: skip
def test_it_refuses(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with Emulated("mps"), pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: ones(2) * 2.5 + torch.tensor(1.0),  # a number may be on the CPU
        lambda: ones(2) * torch.tensor(1.0, dtype=torch.float64),
        lambda: ones(3)[torch.tensor([0, 2])],  # and so may indices
        lambda: torch.zeros(2).double().to(ones(1)),  # the dtype changes on the way
        lambda: ones(2).new_tensor([1.0]) + ones(2).new_zeros(2) + torch.zeros_like(ones(2)),
        lambda: copy.deepcopy(ones(2)) + ones(2),
        lambda: F.adaptive_avg_pool2d(ones(1, 1, 8, 8), (4, 4)),
        lambda: torch.linalg.qr(ones(3, 2)).Q,
        lambda: F.scaled_dot_product_attention(
            ones(1, 1, 4, 8), ones(1, 1, 4, 8), ones(1, 1, 4, 8)
        ),
    ],
)
def test_what_is_allowed_stays_there(call: Callable[[], torch.Tensor]) -> None:
    with Emulated("mps"), torch.inference_mode():
        assert call().device == torch.device("mps:0")
    with Emulated("mps"):
        assert call().is_mps


def test_gradients_products_and_the_optimiser_go_through_it() -> None:
    with Emulated("mps"):
        network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to("mps")
        x = ones(3, 1, 4, 4)
        network(x).square().mean().backward()
        assert {str(p.grad.device) for p in network.parameters() if p.grad is not None} == {"mps:0"}
        optimizer = torch.optim.AdamW(network.parameters(), fused=True)
        optimizer.step()
        assert optimizer.state_dict()["state"][0]["exp_avg"].device.type == "mps"
        same = nn.Conv2d(1, 1, 3, padding=1).to("mps")
        jacobian = Jacobian(same, x)
        assert jacobian.transposed(jacobian.times(x)).is_mps
        with pytest.raises(RuntimeError, match="two devices"):
            network.to("cpu")(x)


def test_cuda_has_float64_and_the_operators_that_mps_lacks() -> None:
    with Emulated("cuda"):
        x = torch.ones(2, 2, device="cuda").double()
        values = torch.linalg.eigh(x).eigenvalues
        assert (values.dtype, str(values.device)) == (torch.float64, "cuda:0")
        assert F.adaptive_avg_pool2d(torch.ones(1, 1, 7, 7, device="cuda"), 4).is_cuda
    assert torch.ones(2).device.type == "cpu"


def test_torchs_own_list_is_read() -> None:
    known = entries()
    assert len(known) > 2000
    assert known["add.Tensor"].delegate == "add.out" and known["add.Tensor"].mixes
    assert has_kernel("mps", "add", "Tensor") and has_kernel("cuda", "add", "Tensor")
    assert not has_kernel("mps", "_linalg_eigh", "default")
    assert has_kernel("cuda", "_linalg_eigh", "default")
    assert has_kernel("mps", "_fused_adamw_", "default")


@pytest.mark.parametrize(
    "old",
    [
        # What stood in the code before these tests, and failed on the real device.
        lambda found: (
            found.double().cpu()
        ),  # explorer/terms/terms.py, models/checkpoint/statistics.py
        lambda found: found.double().cpu().numpy(),  # models/evaluation/bounds.py
        lambda found: float(found.double().sum()),  # models/evaluation/measures.py
        lambda found: F.adaptive_avg_pool2d(found.expand(1, 1, 7, 7), (4, 4)),  # digits
        lambda found: torch.linalg.svd(found.expand(7, 7), full_matrices=False),  # local axes
    ],
)
def test_it_would_have_caught(old: Callable[[torch.Tensor], object]) -> None:
    errors = (TypeError, NotImplementedError, UserWarning)
    with Emulated("mps"), pytest.raises(errors):
        old(ones(7, 7))
