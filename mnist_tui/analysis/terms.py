"""What the gallery's filter can ask of a digit: every field and word, as data. One entry more is one more to ask."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mnist_tui.analysis.predicted import Bools
from mnist_tui.analysis.reviews import ReviewOutcome
from mnist_tui.analysis.table import Table


class Kind(Enum):
    """What a field is compared with."""

    CLASS = "classes"
    INDEX = "whole numbers"
    FRACTION = "a number from 0 to 1"
    NUMBER = "a number from 0"


@dataclass(frozen=True)
class Field:
    """A column with a value. `column` is one of Table's."""

    key: str
    column: str
    kind: Kind
    example: str
    help: str
    aliases: tuple[str, ...] = ()

    @property
    def takes_colon(self) -> bool:
        """Is it asked for equal values, as in true:4,7?"""
        return self.kind in (Kind.CLASS, Kind.INDEX)

    @property
    def takes_comparison(self) -> bool:
        """Is it asked for larger or smaller values, as in conf>0.9?"""
        return self.kind is not Kind.CLASS


@dataclass(frozen=True)
class Word:
    """A yes or no."""

    key: str
    mask: Callable[[Table], Bools]
    help: str
    aliases: tuple[str, ...] = ()


FIELDS: dict[str, Field] = {
    field.key: field
    for field in (
        Field("true", "true", Kind.CLASS, "true:4", "the class that it is labelled as"),
        Field("pred", "predicted", Kind.CLASS, "pred:9", "the class that it is read as", ("predicted", "read")),
        Field("conf", "confidence", Kind.FRACTION, "conf>0.9", "probability of the answer", ("confidence",)),
        Field("margin", "margin", Kind.FRACTION, "margin<0.1", "highest minus second highest probability"),
        Field("loss", "loss", Kind.NUMBER, "loss>2", "-ln of the probability of the true class"),
        Field("difficulty", "difficulty", Kind.FRACTION, "difficulty>0.5", "1 - p(true), mean over the epochs so far"),
        Field("index", "index", Kind.INDEX, "index:123", "position in the data set's part", ("#",)),
    )
}

WORDS: dict[str, Word] = {
    word.key: word
    for word in (
        Word("wrong", lambda table: ~table.right, "read as another class", ("mistakes", "mistake")),
        Word("right", lambda table: table.right, "read as its class", ("correct",)),
        Word("learned-late", lambda table: table.learned_late, "right only since the last third of the epochs"),
        Word("forgotten", lambda table: table.forgotten, "was read right, and no longer is"),
        Word("never-learned", lambda table: table.never_learned, "was right at no epoch so far"),
        Word("confidently-wrong", lambda table: table.confidently_wrong, "read wrong with high confidence"),
        Word("disputed", lambda table: table.flagged, "its label is probably wrong, says confident learning"),
        Word("label-right", lambda table: table.review == ReviewOutcome.RIGHT, "you judged the label right"),
        Word("label-wrong", lambda table: table.review == ReviewOutcome.WRONG, "you judged the label wrong"),
        Word("unreadable", lambda table: table.review == ReviewOutcome.UNREADABLE, "you judged the digit unreadable"),
        Word("unjudged", lambda table: table.review == ReviewOutcome.UNJUDGED, "you have not judged the label"),
    )
}

_ENTRIES: tuple[Field | Word, ...] = (*FIELDS.values(), *WORDS.values())
ALIASES: dict[str, str] = {alias: entry.key for entry in _ENTRIES for alias in (entry.key, *entry.aliases)}
"""Every way to write a key, and the key."""
