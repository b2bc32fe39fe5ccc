"""What the label screen says of a disputed digit: where it is, and how it was read."""

from collections.abc import Sequence

from rich.text import Text

from mnist_tui.evidence.predictions import OWN, TEST, TRAIN, Moment
from mnist_tui.render.text import harmless, percent
from mnist_tui.ui.label_queue import Dispute
from mnist_tui.ui.paint import paint
from mnist_tui.ui.session import RunView
from mnist_tui.ui.theme import Palette


def digits_words(moment: Moment) -> str:
    """Which digits are in question."""
    if moment.split == TRAIN:
        return "training and validation digits"
    return f"{moment.split} digits" if moment.epoch is not None or moment.split == TEST else f"digits of {moment.split}"


def place_words(split: str, index: int, view: RunView) -> str:
    """Where a digit of a split is in its data set, so that anyone can find it again."""
    if split not in OWN:
        return f"digit of {split}, index {index:,} (from 0)"
    kind = {TRAIN: "training"}.get(split, split)
    part = "test" if split == TEST else "training"
    config, started = view.history.record.config, view.history.started
    total = ""
    if started is not None and config.limit is None:  # with a limit, the run knows only a part of them
        total = f"{started.test_count if part == 'test' else started.train_count + started.validation_count:,} "
    return f"{kind} digit, index {index:,} of {harmless(config.data)}'s {total}{part} digits (from 0)"


def dispute_words(dispute: Dispute, names: Sequence[str], colours: Palette, width: int) -> Text:
    """What the digit is labelled as and what it was read as, in a line of `width` cells where that can be."""
    label, seems = paint(colours.true_class, bold=True), paint(colours.predicted_class, bold=True)
    words = Text.assemble(
        "labelled ",
        (names[dispute.label], label),
        ", read as ",
        (names[dispute.predicted], seems),
        f" with {percent(dispute.confidence, 1)}",
    )
    if dispute.suspected != dispute.predicted:
        words.append(", seems ").append(names[dispute.suspected], seems)
    margin = f"   margin {dispute.margin:.3f}".replace("-", "−")
    return words.append(margin, paint(colours.quiet)) if words.cell_len + len(margin) <= width else words
