"""Models made ready to draw one picture at a time, as fast as the hardware allows.

What pays, and what does not, is measured in docs/inference.md (`python -m benchmarks.decode`).
Always on: `torch.inference_mode` (the device worker), channels-last weights (they are loaded so),
and a number of threads chosen for latency. Behind a switch, since it takes a while at the start:
networks compiled with their weights folded in on a CPU, or replayed as one CUDA graph on a GPU.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint
from models.precision import exact
from models.sources.open_any import load_any

MAX_THREADS = 4
_log = logging.getLogger(__name__)
Network = Callable[[Tensor], Tensor]


def threads_for_latency(cores: int) -> int:
    """How many threads one picture is computed with on a machine of so many cores.

    Half of them, and at most four: networks this small have no more work to share. The others
    are for the event loop and for a browser on the same machine. Threads that share a product
    wait for the last of them, and one that has lost its core to somebody else has been seen to
    hold up a picture of 1.5 ms for 150 ms.
    """
    return max(1, min(cores // 2, MAX_THREADS))


def set_threads_for_latency() -> int:
    """Let torch use that many threads from now on; to be called before the device worker starts.

    It is a setting of the whole process. With another count some processors add up in another
    order (seen on an Intel Xeon, not on an AMD EPYC), which moves the last bits of a float.
    """
    count = threads_for_latency(cores())
    torch.set_num_threads(count)
    return count


def cores() -> int:
    """The processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def load_ready(path: str | Path, device: str = "cpu", compile: bool = False) -> Checkpoint:
    """`models.sources.open_any.load_any`, its model ready to draw.

    Args:
        compile: Whether to `prepare` it. Where that fails, for want of a compiler for instance,
            the log says so and the model is the plain one.
    """
    checkpoint = load_any(path, device)
    if not compile:
        return checkpoint
    try:
        return replace(checkpoint, model=prepare(checkpoint.model))
    except Exception as error:  # a compiler fails in many ways, and the picture is the same
        _log.warning("%s is not compiled and draws a little slower: %s", checkpoint.name, error)
        return checkpoint


@exact()  # a graph keeps the precision it was captured with, and numbers go through it too
def prepare(model: HierarchicalModel) -> HierarchicalModel:
    """A copy of a model whose decoding networks have a fast twin for a batch of one.

    On a CPU they are compiled, on a GPU captured as CUDA graphs, on other devices left alone.
    Either takes its time now and none later; the pictures differ from those of the plain model
    by rounding. A larger batch goes through the plain networks.
    """
    copy = deepcopy(model)
    device = copy.like.device.type
    make = {"cpu": compiled, "cuda": graphed}.get(device)
    if make is None:
        return copy
    with torch.no_grad():
        for module, level in copy.down_networks():
            network = cast(nn.Module, module.network)
            example = torch.zeros((1, *level.shape), device=device)
            module.network = ForOne(network, make(network, example))
    return copy


class ForOne(nn.Module):
    """A network with a fast twin that takes a batch of one and nothing else."""

    def __init__(self, network: nn.Module, fast: Network) -> None:
        super().__init__()
        self.network = network
        self.fast = fast

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The weights of the plain network under its own names, as a view at another side takes."""
        return self.network.state_dict(*args, **kwargs)

    def forward(self, h: Tensor) -> Tensor:
        return self.fast(h.contiguous()) if h.shape[0] == 1 else self.network(h)


def compiled(network: nn.Module, example: Tensor) -> Network:
    """A network compiled for inputs like the example.

    The weights of convolutions are laid out once as the processor wants them, which plain
    torch does at every call; for those of vectors the same costs more than it saves.
    """
    fold = any(isinstance(module, nn.Conv2d) for module in network.modules())
    program = torch.export.export(network, (example,)).module()
    fast = cast(Network, torch._inductor.compile(program, [example], options={"freezing": fold}))
    fast(example)
    return fast


def graphed(network: nn.Module, example: Tensor) -> Network:
    """A network captured as one CUDA graph: a single launch in place of one for every kernel."""
    source, stream = example.clone(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # kernels choose their algorithms before the capture
        for _ in range(3):
            network(source)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads may draw meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = network(source)

    def replay(h: Tensor) -> Tensor:
        source.copy_(h)
        graph.replay()
        return result.clone()

    return replay
