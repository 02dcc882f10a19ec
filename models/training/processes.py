"""The processes that share a training, through Hugging Face Accelerate.

`accelerate launch -m models.train …` starts W of them. In every step process r takes rows
r·B/W … (r+1)·B/W of the batch of B images, and their noise. With L the loss of the whole batch
and m_r the means over the rows of process r,

    L = f(m),  m = 1/W Σ_r m_r        ∇L = 1/W Σ_r f'(m) ∇m_r

so every process computes f at the mean over all of them, sends its own gradient f'(m) ∇m_r, and
the average of these is the gradient of L, whatever f is: free bits clamp the mean of the batch,
not that of a part. Only Accelerate's `PartialState` is needed for that: who is there, on which
device, and the messages between them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object, reduce
from torch import Tensor
from torch.autograd.function import FunctionCtx

from models.errors import BadInput


def _reduced(own: Tensor, how: str) -> Tensor:
    """The "mean" or "sum" over the processes, exactly the same number in each of them."""
    return cast(Tensor, reduce(own, how))


class _MeanOverProcesses(torch.autograd.Function):
    """m = 1/W Σ_r m_r; the gradient goes to m_r as it is."""

    @staticmethod
    def forward(ctx: FunctionCtx, own: Tensor) -> Tensor:
        return _reduced(own, "mean")

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        return gradients[0]


@dataclass(frozen=True)
class Processes:
    """All processes of a training, as one of them sees them.

    Args:
        device: Where this one computes.
        rank: r, from 0; the main process is 0.
        count: W.
        first_here: Whether it is the first one on its machine.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    first_here: bool = True

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and speaks to the user."""
        return self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that cannot be divided evenly."""
        if batch_size % self.count:
            raise BadInput(
                f"a batch of {batch_size} cannot be shared evenly by {self.count} processes: "
                f"choose a multiple of {self.count}, or another number of processes."
            )

    def share(self, values: Tensor, copies: int = 1) -> Tensor:
        """This process's rows of a step's values.

        Args:
            values: With shape `(K·B, *)`: K copies of the batch, one after the other.
            copies: K.

        Returns:
            With shape `(K·B/W, *)`, laid out in the same way.
        """
        if self.count == 1:
            return values
        by_copy = values.view(copies, -1, *values.shape[1:])
        rows = by_copy.shape[1] // self.count
        return by_copy[:, self.rank * rows : (self.rank + 1) * rows].flatten(0, 1)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the whole batch from this process's rows, `(B/W, *)` to `(*)`.

        Its gradient is the one to be averaged over the processes.
        """
        own = values.mean(dim=0)
        return own if self.count == 1 else _MeanOverProcesses.apply(own)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by its mean over the processes, all in one message."""
        if self.count == 1:
            return
        sizes = [tensor.numel() for tensor in tensors]
        own = torch.cat([tensor.reshape(-1) for tensor in tensors])
        means = _reduced(own, "mean").split(sizes)
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        if self.count == 1:
            return flag
        asked = torch.tensor(float(flag), device=self.device)
        return bool(_reduced(asked, "sum") > 0)

    def from_main(self, value: Any) -> Any:
        """The main process's value; it is pickled."""
        return value if self.count == 1 else broadcast_object_list([value])[0]

    def check_same(self, what: str, value: object) -> None:
        """Refuse to go on unless the value is the same in all processes."""
        if self.count > 1 and len({repr(one) for one in gather_object([value])}) > 1:
            raise BadInput(
                f"the processes of this training do not have the same {what}: give all of them "
                "the same files, options, versions of the code and kind of processor."
            )

    @contextmanager
    def first_here_first(self) -> Iterator[None]:
        """Let the first process of each machine go first, so that the others find its caches."""
        if not self.first_here:
            self._wait()
        try:
            yield
        finally:
            if self.first_here:
                self._wait()

    def part(self) -> None:
        """Leave the others, at the end: nothing is asked of them any more."""
        if self.count > 1:
            PartialState().destroy_process_group()

    def _wait(self) -> None:
        if self.count > 1:
            PartialState().wait_for_everyone()


ALONE = Processes(torch.device("cpu"))


def join_processes(device: torch.device) -> Processes:
    """The processes that this one was started with; only itself if nobody launched others.

    Args:
        device: Where to compute; with several GPUs each process of a machine takes its own.

    Raises:
        BadInput: Several were launched, and this kind of device cannot be shared.
    """
    state = PartialState(cpu=device.type == "cpu")
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if state.num_processes != launched:
        raise BadInput(
            f"{launched} processes cannot share a training on {device.type}: "
            "launch a single one, or use --device cpu or cuda."
        )
    if state.num_processes == 1:
        return Processes(device)
    return Processes(
        state.device or device,
        state.process_index,
        state.num_processes,
        state.is_local_main_process,
    )


class StopRequest:
    """Whether a signal has asked this process to stop; the run ends after the step in hand."""

    def __init__(self) -> None:
        self.asked = False
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # the last one is how Windows asks
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
