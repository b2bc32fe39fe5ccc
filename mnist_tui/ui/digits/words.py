"""Sentences about digits, their predictions and their learning history."""

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from mnist_tui.analysis.learning_history import NEVER, LearningSummary
from mnist_tui.analysis.query import Query
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import OWN_SPLITS, TEST, TRAIN, VALIDATION, EvaluationPoint, Predictions
from mnist_tui.render.text import cell_len, clip_pair, percent
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

if TYPE_CHECKING:
    from mnist_tui.ui.digits.digit_list import Digit, DigitList

MOST_INDICES = 4
"""Indices of a filter that are named."""
WORDS_AROUND = 56
"""Columns of a digit's line besides the names: position, index, words and confidence."""


def query_words(wanted: Query) -> str:
    """Return the filter as text; of many indices, the first ones."""
    terms = [replace(term, values=term.values[:MOST_INDICES]) if term.key == "index" else term for term in wanted.terms]
    text = str(replace(wanted, terms=tuple(terms)))
    return (text if terms == list(wanted.terms) else f"{text} and more") or "all images"


def split_words(point: EvaluationPoint) -> str:
    """Return the name of an evaluation's split, to stand before "digits"."""
    return {TRAIN: "cross-checked"}.get(point.split, point.split)


def location(split: str) -> str:
    """Return what an index of a split counts in."""
    if split in (TRAIN, VALIDATION):
        return f"training set ({'training' if split == TRAIN else split} split)"
    return "test set" if split == TEST else f"set {split.removeprefix('set-')}"


def prediction_words(digits: "DigitList", digit: "Digit", colours: Palette, room: int | None = None) -> Text:
    """Return, for example, "a 4, predicted as 9 with 98.2 %", with names clipped to `room` cells in all."""
    true, predicted = digits.names[digit.true], digits.names[digit.predicted]
    if room is not None:
        true, predicted = clip_pair(true, "" if digit.true == digit.predicted else predicted, room)
    words = Text.assemble("a ", (true, paint(colours.true_class, bold=True)), ", predicted ")
    if digit.true == digit.predicted:
        words.append("correctly")
    else:
        words.append("as ").append(predicted, paint(colours.predicted_class, bold=True))
    return words.append(f" with {percent(digit.confidence, 1)}")


def heading(digits: "DigitList", digit: "Digit", colours: Palette, separator: str) -> Text:
    """Return the location of a digit and its prediction, with a separator between the two."""
    words = Text.assemble(
        (f"#{digit.index:05d}", paint(colours.foreground, bold=True)),
        f" of the {location(digit.split)}:{separator}",
        prediction_words(digits, digit, colours),
    )
    if digits.predictions.steps is not None:
        return words.append(f", rolling, {digit.note}")
    return words.append(f", {digits.when}") if digit.split in OWN_SPLITS else words


def digit_line(digits: "DigitList", position: int, colours: Palette, width: int, *, is_narrow: bool = False) -> Text:
    """Return one line: position and prediction on the left, evaluation and split on the right."""
    digit = digits.digit(position)
    line = Text.assemble(
        (f"{position + 1:,} of {len(digits):,}", paint(colours.foreground, bold=True)),
        f"  #{digit.index:05d}: ",
        prediction_words(digits, digit, colours, max(2, width - WORDS_AROUND)),
    )
    if digit.true != digit.predicted and not is_narrow:
        words = f"; {digits.names[digit.true]}: {percent(float(digit.probabilities[digit.true]), 1)}"
        line.append(words if line.cell_len + cell_len(words) <= width else "")
    column = digits.sort.column
    if column not in ("confidence", "index"):
        words = f"; {column} {float(getattr(digits.findings.table, column)[digits.rows[position]]):.2f}"
        line.append(words if line.cell_len + len(words) <= width else "")
    if digits.predictions.steps is not None:
        line.append(f"; {digit.note}" if line.cell_len + len(digit.note) + 2 <= width else "")
    # Epochs are evaluated on the validation split; other evaluations are named after their split.
    right = digits.when if digits.point.epoch is None else f"{digits.when}, {digits.split}"
    room = width - line.cell_len
    return line.append(right.rjust(room)) if room > len(right) + 1 else line


def step_words(predictions: Predictions, row: int) -> str:
    """Return the step after which a rolling evaluation predicted an example; empty for other evaluations."""
    return "" if predictions.steps is None else f"step {int(predictions.steps[row]):,}"


def learning_note(summary: LearningSummary, row: int) -> str:
    """Return when a digit was learned or lost; empty if it was correct after every epoch."""
    if summary.lost_at[row] != NEVER:
        return f"lost at epoch {summary.lost_at[row]}"
    if summary.never_learned[row]:
        return "never learned"
    return f"learned at epoch {summary.learned_at[row]}" if summary.flips[row] else ""


def learning_sentence(findings: Findings, row: int) -> str:
    """Return the learning history of a digit in words; empty if it was evaluated only once."""
    summary, history = findings.learning_summary, findings.learning_history
    if summary is None or history is None:
        return ""
    count = len(history.epochs)
    epochs = "the only epoch" if count == 1 else f"all {count} epochs"
    if summary.never_learned[row]:
        words = "wrong after the only epoch" if count == 1 else f"never learned in {count} epochs"
    elif summary.lost_at[row] != NEVER:
        words = f"forgotten, wrong since epoch {summary.lost_at[row]}"
    elif summary.learned_at[row] == history.epochs[0]:
        words = f"correct after {epochs}"
    else:
        words = f"learned at epoch {summary.learned_at[row]}"
    if summary.flips[row] > 1:
        words += f", changed {summary.flips[row]} times"
    return f"{words}; difficulty {summary.difficulty[row]:.2f} (1 = hardest)"
