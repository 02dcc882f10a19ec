"""What all tests share: one thread, fixed seeds, and one running app for those who ask.

The browser tests need a Chromium. Without one they skip and say how to get it; where `CI` is
set, a test that cannot run is a failure instead.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.running import App, start_app

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test begins with the same random numbers, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The real app on the bundled models, bound as it binds by default."""
    running = start_app(tmp_path_factory.mktemp("app"))
    yield running
    running.stop()
    assert "Traceback" not in running.said(), running.said()
