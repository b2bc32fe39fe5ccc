"""Accuracy with the original labels, and without or with corrected doubtful labels."""

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.label_accuracy import LabelAccuracy
from mnist_tui.render.text import percent
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

WAYS = (
    ("as labelled", "as_labelled", "with the original labels"),
    ("without issues ●", "without_flagged", "biased upwards"),
    ("without mislabelled", "without_mislabelled", "without wrong or unreadable ones"),
    ("corrected", "corrected", "with corrected labels"),
)
"""(label, field of LabelAccuracy, explanation)."""
WIDE = 82
"""Columns from which the explanations have room."""


def accuracy_lines(accuracy: LabelAccuracy, colours: Palette, width: int) -> Text:
    """Return a line for each way of counting."""
    shares = [getattr(accuracy, field) for _, field, _ in WAYS]
    label = max(len(name) for name, _, _ in WAYS)
    counts = [f"{share.right:,} of {share.total:,}" for share in shares]
    if label + 11 + max(map(len, counts)) > width:
        counts = [f"{share.right:,}" for share in shares]
    widest = max(map(len, counts))
    lines = []
    for (name, _, meaning), share, count in zip(WAYS, shares, counts, strict=True):
        line = Text.assemble(
            (name.ljust(label), paint(colours.quiet)),
            (f" {percent(share.accuracy):>8} ", paint(colours.foreground, bold=True)),
            (f" {count:>{widest}}", paint(colours.foreground)),
        )
        if width >= WIDE:
            line.append(f"   {meaning}", paint(colours.quiet))
        lines.append(line)
    return Text("\n").join(lines)


class LabelAccuracyPanel(Widget):
    """Shows the accuracies."""

    accuracy: reactive[LabelAccuracy | None] = reactive(None)

    def render(self) -> RenderResult:
        return "" if self.accuracy is None else accuracy_lines(self.accuracy, palette_of(self), self.size.width)
