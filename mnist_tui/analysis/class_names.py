"""Classes as the user types them: by name, or by number if no name is a number."""

import difflib
import re
from collections.abc import Sequence

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import MOST_CLASSES

LISTED = 10
"""Names that an error message lists at most."""


def class_number(text: str, names: Sequence[str] = ()) -> int:
    """Return the class with this name, ignoring case if that is unambiguous, or with this number.

    If any name is a number, text is always taken as a name: of the names "1" and "2", "1" is class 0. Raises
    AnalysisError with the closest name, or with all names.
    """
    if text in names:
        return names.index(text)
    folded = [name.casefold() for name in names]
    if folded.count(text.casefold()) == 1:
        return folded.index(text.casefold())
    numbered = not any(name.isdecimal() for name in names)
    count = len(names) or MOST_CLASSES
    if numbered and re.fullmatch(r"[0-9]{1,9}", text) and int(text) < count:
        return int(text)
    raise AnalysisError(f"unknown class “{text}”: {_hint(text, names, folded)}")


def _hint(text: str, names: Sequence[str], folded: list[str]) -> str:
    near = difflib.get_close_matches(text.casefold(), folded, n=1)
    if near:
        return f"did you mean “{names[folded.index(near[0])]}”?"
    if not names:
        return f"classes are numbers from 0 to {MOST_CLASSES - 1}"
    if len(names) > LISTED:
        return f"the {len(names)} classes are {names[0]} to {names[-1]}"
    return f"the classes are {', '.join(names)}"
