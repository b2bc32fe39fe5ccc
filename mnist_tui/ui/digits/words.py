"""What is known of one digit, in sentences."""

from rich.text import Text

from mnist_tui.analysis.learning_history import NEVER
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import OWN_SPLITS
from mnist_tui.render.text import percent
from mnist_tui.ui.digits.digit_list import Digit, DigitList, part_words
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette


def answer_words(digits: DigitList, digit: Digit, colours: Palette, separator: str) -> Text:
    """Which digit it is and what it was read as; the halves stand apart by `separator`. `digit` is one of `digits`."""
    words = Text.assemble(
        (f"#{digit.index:05d}", paint(colours.foreground, bold=True)),
        f" of the {part_words(digit.split)}:{separator}a ",
        (digits.names[digit.true], paint(colours.true_class, bold=True)),
        ", read ",
    )
    if digit.true == digit.predicted:
        words.append("right")
    else:
        words.append("as ").append(digits.names[digit.predicted], paint(colours.predicted_class, bold=True))
    when = f", {digits.when}" if digit.split in OWN_SPLITS else ""  # another set was named already, and is read once
    return words.append(f" with {percent(digit.confidence, 1)}{when}")


def life_words(findings: Findings, row: int) -> str:
    """How the digit fared over the epochs so far; empty for one that was read only once."""
    learning_summary, lives = findings.learning_summary, findings.learning_history
    if learning_summary is None or lives is None:
        return ""
    count = len(lives.epochs)
    epochs = "the only epoch" if count == 1 else f"all {count} epochs"
    if learning_summary.never_learned[row]:
        words = f"never read right, in {epochs}"
    elif learning_summary.lost_at[row] != NEVER:
        words = f"was read right, lost at epoch {learning_summary.lost_at[row]}"
    elif learning_summary.learned_at[row] == lives.epochs[0]:
        words = f"read right after {epochs}"
    else:
        words = f"learned at epoch {learning_summary.learned_at[row]}"
    if learning_summary.flips[row] > 1:
        words += f", changed {learning_summary.flips[row]} times"
    return f"{words}; difficulty {learning_summary.difficulty[row]:.2f}"
