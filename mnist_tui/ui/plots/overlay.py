"""Other runs drawn into the plots of a run, with a colour and a marker each, and reference lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.color import Color

from mnist_tui.runs.history import History
from mnist_tui.ui.plots.references import ReferenceLine

MARKERS = "◆▲■▼✚◇△□▽○"
"""One cell each; ● and ★ belong to the run whose plots these are."""
COLOURS = 10
"""Theme variables `run-0` to `run-9`."""


@dataclass(frozen=True)
class RunStyle:
    """The colour and marker of the run in a slot, counted from 0; the pair repeats after COLOURS * MARKERS runs."""

    slot: int

    @property
    def marker(self) -> str:
        """One character, which identifies the run without colours."""
        return MARKERS[(self.slot + self.slot // COLOURS) % len(MARKERS)]

    @property
    def variable(self) -> str:
        """Theme variable of the colour."""
        return f"run-{self.slot % COLOURS}"

    def colour(self, variables: dict[str, str]) -> Color:
        """Return the colour in a theme, grey if the theme has no colours for runs."""
        return Color.parse(variables.get(self.variable) or "#808080")


@dataclass(frozen=True, eq=False)
class OverlayRun:
    """A run that is drawn into other plots. Its `history` is shared and only grows."""

    id: str
    name: str
    """Sanitized."""
    history: History
    style: RunStyle

    @property
    def epoch_state(self) -> tuple[int, bool]:
        """Changes if there is something to draw at once."""
        return len(self.history.epochs), self.history.is_over

    @property
    def sample_counts(self) -> tuple[int, ...]:
        """Grow with every step and sample."""
        history = self.history
        return history.steps.count, history.last_step, len(history.layer_stats), len(history.hardware_samples)


@dataclass(frozen=True)
class RunOverlay:
    """The runs that are drawn into a run's plots."""

    runs: tuple[OverlayRun, ...] = ()
    hides_own_run: bool = False
    """True if the plots' own run only gives the x axis."""
    front: str | None = None
    """Id of the run that is drawn over the others."""
    references: tuple[ReferenceLine, ...] = ()

    @property
    def draw_order(self) -> Sequence[OverlayRun]:
        """The runs, the one in front last."""
        return sorted(self.runs, key=lambda run: run.id == self.front)

    @property
    def histories(self) -> tuple[History, ...]:
        """The runs' histories."""
        return tuple(run.history for run in self.runs)
