"""What is known of one digit, in sentences."""

from rich.text import Text

from mnist_tui.analysis.trajectories import NEVER
from mnist_tui.evidence.evidence import Findings
from mnist_tui.evidence.predictions import OWN
from mnist_tui.render.text import percent
from mnist_tui.ui.digit_list import Digit, DigitList, part_words
from mnist_tui.ui.paint import paint
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
    when = f", {digits.when}" if digit.split in OWN else ""  # another set was named already, and is read once
    return words.append(f" with {percent(digit.confidence, 1)}{when}")


def life_words(findings: Findings, row: int) -> str:
    """How the digit fared over the epochs so far; empty for one that was read only once."""
    fates, lives = findings.fates, findings.trajectories
    if fates is None or lives is None:
        return ""
    count = len(lives.epochs)
    epochs = "the only epoch" if count == 1 else f"all {count} epochs"
    if fates.never_learned[row]:
        words = f"never read right, in {epochs}"
    elif fates.lost_at[row] != NEVER:
        words = f"was read right, lost at epoch {fates.lost_at[row]}"
    elif fates.learned_at[row] == lives.epochs[0]:
        words = f"read right after {epochs}"
    else:
        words = f"learned at epoch {fates.learned_at[row]}"
    if fates.flips[row] > 1:
        words += f", changed {fates.flips[row]} times"
    return f"{words}; difficulty {fates.difficulty[row]:.2f}"
