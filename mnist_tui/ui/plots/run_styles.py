"""How runs that are drawn together are told apart: each has a colour and, for whoever sees no colours, a marker."""

from dataclasses import dataclass

from textual.color import Color

MARKERS = "◆▲■▼✚◇△□▽○"
"""One cell each; the own run's ● and ★ are not among them."""
COLOURS = 10
"""Theme variables `run-0` to `run-9`."""


@dataclass(frozen=True)
class RunSign:
    """The sign of the run in a slot, counted from 0. Slots beyond the last colour begin anew, with other markers."""

    slot: int

    @property
    def marker(self) -> str:
        """One character; pairs of colour and marker repeat only after COLOURS times MARKERS runs."""
        return MARKERS[(self.slot + self.slot // COLOURS) % len(MARKERS)]

    @property
    def variable(self) -> str:
        """Theme variable of the colour."""
        return f"run-{self.slot % COLOURS}"

    def colour(self, variables: dict[str, str]) -> Color:
        """The colour in an app's theme; grey in a theme that has none for runs."""
        return Color.parse(variables.get(self.variable) or "#808080")
