"""One digit of a list in a line of words: which it is, what it was read as, and how surely."""

from rich.text import Text

from mnist_tui.render.text import percent
from mnist_tui.ui.digits.digit_list import DigitList
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette


def digit_line(digits: DigitList, position: int, colours: Palette, width: int, *, is_narrow: bool = False) -> Text:
    """Place in the list and answer on the left; what it is sorted by, and which digits these are, on the right."""
    digit = digits.digit(position)
    line = Text.assemble(
        (f"{position + 1:,} of {len(digits):,}", paint(colours.foreground, bold=True)),
        f"  #{digit.index:05d}: a ",
        (digits.names[digit.true], paint(colours.true_class, bold=True)),
        ", read ",
    )
    if digit.true == digit.predicted:
        line.append("right")
    else:
        line.append("as ").append(digits.names[digit.predicted], paint(colours.predicted_class, bold=True))
    line.append(f" with {percent(digit.confidence, 1)}")
    if digit.true != digit.predicted and not is_narrow:
        had = percent(float(digit.probabilities[digit.true]), 1)
        line.append(f"; {digits.names[digit.true]} had {had}")
    if digits.sort.column not in ("confidence", "index"):
        value = float(getattr(digits.findings.table, digits.sort.column)[digits.rows[position]])
        words = f"{digits.sort.column} {value:.2f}"
        line.append(f"; {words}" if line.cell_len + len(words) + 2 <= width else "")
    # an epoch's digits are validation digits; every other moment is named after its digits
    right = digits.when if digits.point.epoch is None else f"{digits.when}, {digits.split}"
    room = width - line.cell_len
    return line.append(right.rjust(room)) if room > len(right) + 1 else line
