"""A range test that runs in the background."""

import math
import threading
from collections.abc import Callable

import msgspec

from mnist_tui.config import RunConfig
from mnist_tui.control.find_rate import find_rate
from mnist_tui.runs.errors import RunError


class RateSearch:
    """Range test in a thread of its own, which calls `notify` after each report."""

    def __init__(self, config: RunConfig, notify: Callable[[], object]) -> None:
        self.words, self.problem = "starting", ""
        self.is_over = False
        self.rates: list[float] = []
        self.losses: list[float] = []
        """Loss at each rate; NaN if it was not finite."""
        self._config, self._notify = config, notify
        self._is_cancelled = False

    def start(self) -> None:
        """Start the test."""
        # not one of Textual's workers: that would delay the program's exit until the next report
        threading.Thread(target=self._work, name="find-lr", daemon=True).start()

    def cancel(self) -> None:
        """End the process of the test after its next report."""
        self._is_cancelled = True

    def _work(self) -> None:
        try:
            reports = find_rate(self._config)
            for report in reports:
                if self._is_cancelled:
                    reports.close()  # type: ignore[attr-defined]
                    return
                self.words = report.message
                for rate, loss in report.rates:
                    self.losses.append(math.nan if loss is None else loss)
                    self.rates.append(rate)
                self._notify()
        except RunError as error:
            self.problem = str(error)
        except msgspec.DecodeError as error:
            self.problem = f"the test sent an unknown message ({error}): start it again"
        self.is_over = True
        if not self._is_cancelled:
            self._notify()
