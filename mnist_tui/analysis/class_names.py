"""Classes as people write them: by name, or by number where the names are no numbers themselves."""

import difflib
from collections.abc import Sequence

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import MOST_CLASSES

LISTED = 10
"""Names that a message lists at most."""


def class_number(text: str, names: Sequence[str] = ()) -> int:
    """The class that a text means: a name, a name in other case where that is one only, else a number from 0.

    A number is taken for a name when any name is one, so that "1" among the names "1", "2" is class 0 and nothing else.
    Raises AnalysisError with the nearest name, or all of them.
    """
    if text in names:
        return names.index(text)
    folded = [name.casefold() for name in names]
    if folded.count(text.casefold()) == 1:
        return folded.index(text.casefold())
    numbered = not any(name.isdecimal() for name in names)
    count = len(names) or MOST_CLASSES
    if numbered and text.isdecimal() and text.isascii() and int(text) < count:
        return int(text)
    raise AnalysisError(f"There is no class “{text}”: {_hint(text, names, folded)}")


def _hint(text: str, names: Sequence[str], folded: list[str]) -> str:
    near = difflib.get_close_matches(text.casefold(), folded, n=1)
    if near:
        return f"did you mean “{names[folded.index(near[0])]}”?"
    if not names:
        return f"classes are numbers from 0 to {MOST_CLASSES - 1}."
    if len(names) > LISTED:
        return f"there are {len(names)}, from {names[0]} to {names[-1]}."
    return f"there are {', '.join(names)}."
