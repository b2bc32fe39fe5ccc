"""The fields and words of the filter language, as data. A new entry is parsed, completed and listed everywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mnist_tui.analysis.predicted import Bools
from mnist_tui.analysis.reviews import ReviewOutcome
from mnist_tui.analysis.table import ExampleTable


class Kind(Enum):
    """The values of a field, as error messages name them."""

    CLASS = "classes"
    INDEX = "whole numbers"
    FRACTION = "a number from 0 to 1"
    NUMBER = "a number from 0"


@dataclass(frozen=True)
class Field:
    """A condition on a column of ExampleTable, such as true:4 or conf>0.9."""

    key: str
    column: str
    kind: Kind
    example: str
    aliases: tuple[str, ...] = ()

    @property
    def takes_colon(self) -> bool:
        """Return True if the field can be tested for equality, as in true:4,7."""
        return self.kind in (Kind.CLASS, Kind.INDEX)

    @property
    def takes_comparison(self) -> bool:
        """Return True if the field can be compared by size, as in conf>0.9."""
        return self.kind is not Kind.CLASS


@dataclass(frozen=True)
class Word:
    """A condition without a value."""

    key: str
    mask: Callable[[ExampleTable], Bools]
    aliases: tuple[str, ...] = ()


FIELDS: dict[str, Field] = {
    field.key: field
    for field in (
        Field("true", "true", Kind.CLASS, "true:4"),
        Field("pred", "predicted", Kind.CLASS, "pred:9", ("predicted", "read")),
        Field("conf", "confidence", Kind.FRACTION, "conf>0.9", ("confidence",)),
        Field("margin", "margin", Kind.FRACTION, "margin<0.1"),
        Field("loss", "loss", Kind.NUMBER, "loss>2"),
        Field("difficulty", "difficulty", Kind.FRACTION, "difficulty>0.5"),
        Field("index", "index", Kind.INDEX, "index:123", ("#",)),
    )
}

# The aliases right, disputed, label-right and unjudged are the spellings of version 0.1.
WORDS: dict[str, Word] = {
    word.key: word
    for word in (
        Word("wrong", lambda table: ~table.correct, ("misclassified", "mistakes", "mistake")),
        Word("correct", lambda table: table.correct, ("right",)),
        Word("learned-late", lambda table: table.learned_late),
        Word("forgotten", lambda table: table.forgotten),
        Word("never-learned", lambda table: table.never_learned),
        Word("confidently-wrong", lambda table: table.confidently_wrong),
        Word("label-issue", lambda table: table.flagged, ("disputed",)),
        Word("label-correct", lambda table: table.review == ReviewOutcome.RIGHT, ("label-right",)),
        Word("label-wrong", lambda table: table.review == ReviewOutcome.WRONG),
        Word("unreadable", lambda table: table.review == ReviewOutcome.UNREADABLE),
        Word("unreviewed", lambda table: table.review == ReviewOutcome.UNREVIEWED, ("unjudged",)),
    )
}

_ENTRIES: tuple[Field | Word, ...] = (*FIELDS.values(), *WORDS.values())
ALIASES: dict[str, str] = {alias: entry.key for entry in _ENTRIES for alias in (entry.key, *entry.aliases)}
"""Every accepted spelling, and its key."""
