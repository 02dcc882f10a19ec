"""What the main process keeps and shows while a run trains: metrics, state, preview, status."""

from __future__ import annotations

import time

from tqdm import tqdm

from models.data.load import Data
from models.storage.atomic import write_file
from models.training.loop import StepRecord, TrainState
from models.training.metrics import Metrics
from models.training.run import RunFiles, Spent, preview, save_state, write_status

SHOW_EVERY_S = 4.0


class Progress:
    """The files and the bar of a run under way.

    Args:
        name: What the bar is called.
        files: Of the run.
        state: What is trained; read after every step.
        data: Its test images are in the preview.
        steps: Of the whole run.
        spent: Time that earlier processes took.
        save_every_s: Seconds from one save of the state to the next.
    """

    def __init__(
        self, name: str, files: RunFiles, state: TrainState, data: Data, steps: int, spent: Spent,
        save_every_s: float,
    ) -> None:  # fmt: skip
        self.files, self.state, self.data, self.steps = files, state, data, steps
        self._save_every_s = save_every_s
        self._before, self._cpu_started = spent, time.process_time()
        self._metrics = Metrics(files, steps, state)
        self._metrics.start(state.step)
        self._first, self._shown = state.step, 0.0
        self._started = self._saved = time.perf_counter()
        self.show(eta_s=-1.0)
        self._bar = tqdm(total=steps, initial=state.step, desc=name, unit="step")

    @property
    def spent(self) -> Spent:
        """The time of the run so far, earlier processes included."""
        wall = time.perf_counter() - self._started
        cpu = time.process_time() - self._cpu_started
        return Spent(self._before.wall_s + wall, self._before.cpu_s + cpu)

    def add(self, record: StepRecord) -> None:
        """Take in a step; now and then show it and save the state."""
        self._metrics.add(record)
        self._bar.update()
        now = time.perf_counter()
        if now - self._shown > SHOW_EVERY_S:
            rates = " ".join(f"{rate:.1f}" for rate in record.rate_nats)
            self._bar.set_postfix_str(f"−ELBO {-record.elbo_nats:.1f}, rates {rates}")
            pace = (now - self._started) / (record.step - self._first)
            self.show(eta_s=pace * (record.steps - record.step))
            # Drawing a preview costs; it takes at most a twentieth of the time.
            self._shown = time.perf_counter() + 19 * (time.perf_counter() - now)
        if now - self._saved >= self._save_every_s:
            save_state(self.files, self.state, self.spent)
            self._saved = now

    def show(self, eta_s: float) -> None:
        """Write the preview and the status; a negative time to go is one not known."""
        write_file(self.files.preview, preview(self.state.ema, self.data.test))
        write_status(self.files, "running", step=self.state.step, steps=self.steps, eta_s=eta_s)

    def close(self) -> Spent:
        """Save the state at the end; returns the time spent in all."""
        self._bar.close()
        save_state(self.files, self.state, self.spent)
        return self.spent
