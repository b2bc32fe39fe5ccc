"""Texts of the labels screen: which examples, where one is, and its prediction."""

from collections.abc import Sequence

from rich.text import Text

from mnist_tui.inspection.predictions import OWN_SPLITS, TEST, TRAIN, EvaluationPoint
from mnist_tui.render.text import cell_len, clip_pair, percent, sanitize
from mnist_tui.ui.labels.queue import LabelIssue
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette


def digits_words(point: EvaluationPoint) -> str:
    """Return the name of an evaluation's examples."""
    if point.split == TRAIN:
        return "training and validation images"
    return f"{point.split} images" if point.split in OWN_SPLITS else f"images of {point.split}"


def place_words(split: str, index: int, view: RunView) -> str:
    """Return where an example is in its data set."""
    if split not in OWN_SPLITS:
        return f"image of {split}, index {index:,} (from 0)"
    kind = {TRAIN: "training"}.get(split, split)
    part = "test" if split == TEST else "training"
    config, started = view.history.record.config, view.history.started
    total = ""
    if started is not None and config.limit is None:  # a limited run does not know the size of the data set
        total = f"{started.test_count if part == 'test' else started.train_count + started.validation_count:,} "
    return f"{kind} image, index {index:,} of {sanitize(config.data)}'s {total}{part} images (from 0)"


def issue_words(issue: LabelIssue, names: Sequence[str], colours: Palette, width: int, lines: int = 1) -> Text:
    """Return label and prediction, in a line of `width` cells if possible; names are clipped if `lines` are too few."""
    label, seems = paint(colours.true_class, bold=True), paint(colours.predicted_class, bold=True)
    parts = "labelled ", ", predicted as ", f" with {percent(issue.confidence, 1)}"
    true, predicted = names[issue.label], names[issue.predicted]
    if cell_len("".join((*parts, true, predicted))) > lines * width:
        parts = "", " → ", f" {percent(issue.confidence, 1)}"
        true, predicted = clip_pair(true, predicted, lines * width - len("".join(parts)))
    words = Text.assemble(parts[0], (true, label), parts[1], (predicted, seems), parts[2])
    if issue.suspected != issue.predicted:
        words.append(", seems ").append(names[issue.suspected], seems)
    margin = f"   margin {issue.margin:.3f}".replace("-", "−")
    return words.append(margin, paint(colours.quiet)) if words.cell_len + len(margin) <= width else words
