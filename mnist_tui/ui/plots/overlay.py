"""The runs that are drawn into the plots beside the own one, or without one. Frozen: a plot never changes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_tui.runs.history import History
from mnist_tui.ui.plots.run_styles import RunSign


@dataclass(frozen=True, eq=False)
class Overlaid:
    """One of them. `history` is shared and only grows."""

    key: str
    """The run's id."""
    name: str
    """Harmless to show."""
    history: History
    sign: RunSign

    @property
    def state(self) -> tuple[int, ...]:
        """Another one whenever there is something new to draw, but for steps."""
        return len(self.history.epochs), self.history.is_over

    @property
    def count(self) -> tuple[int, ...]:
        """Grows with every step and sample."""
        history = self.history
        return history.steps.count, history.last_step, len(history.layer_stats), len(history.hardware_samples)


@dataclass(frozen=True)
class RunOverlay:
    """The runs, the earliest drawn first; with `alone` the own run only gives the x axis and is not drawn itself."""

    runs: tuple[Overlaid, ...] = ()
    alone: bool = False
    front: str | None = None
    """Key of the run that is drawn over the others."""

    @property
    def ordered(self) -> Sequence[Overlaid]:
        """As they are drawn: the one in front last."""
        return sorted(self.runs, key=lambda run: run.key == self.front)

    @property
    def histories(self) -> tuple[History, ...]:
        """Theirs."""
        return tuple(run.history for run in self.runs)
