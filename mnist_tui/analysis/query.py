"""The gallery's filter as text: `true:4 pred:9 conf>0.9 -disputed`.

    query = parse("true:cat,dog loss>2", names)
    rows(query, table)                          # int array of the rows that pass every term

Terms are joined by AND. `field:value,value` asks for any of the values, `field>value` (>=, <, <=) for larger or smaller
ones, a word for a yes; a leading - or ! negates a term. Classes go by number or by name, "in quotes" where a name has a
blank or a comma; fractions also as 90%; #123 is short for index:123. A comparison with NaN is never true, and so its
negation is. All fields and words: analysis/terms.py.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.class_names import class_number
from mnist_tui.analysis.confusion import named
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools
from mnist_tui.analysis.table import Table
from mnist_tui.analysis.terms import ALIASES, FIELDS, WORDS, Field, Kind

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
LONGEST_INDEX = 12
"""Digits: far more than any data set has, and far fewer than overflow."""
SPELLINGS = {"=": ":", "≥": ">=", "≤": "<="}
VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s,"'][^\s,"]*)"""
QUOTES = "\"'"
TERM = re.compile(
    rf"""\s*(?P<negated>[-!]?)(?P<key>\#|[^\s"#:<>=!≤≥,]+)
    (?:(?:\s*(?P<operator>!=|>=|<=|[:=<>≥≤])\s*|(?<=\#))(?P<values>{VALUE}(?:\s*,\s*{VALUE})*)?)?
    (?=\s|$)""",
    re.VERBOSE,
)


class QueryError(AnalysisError):
    """A filter that cannot be read. The sentence says what is wrong with it and what would be right."""


@dataclass(frozen=True)
class Term:
    """One demand. `operator` is ":", a comparison, or empty for a word without values."""

    key: str
    operator: str = ""
    values: tuple[float, ...] = ()
    """Classes and indices as int."""
    negated: bool = False


@dataclass(frozen=True)
class Query:
    """Terms that must all hold, with the names of the classes to write them with."""

    terms: tuple[Term, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The filter as normalised text, which `parse` reads as the same query; empty without terms."""
        return " ".join(self._write(term) for term in self.terms)

    @classmethod
    def cell(cls, true: int, predicted: int, names: Sequence[str] = ()) -> "Query":
        """The digits that one cell of a confusion matrix counts."""
        return cls((Term("true", ":", (true,)), Term("pred", ":", (predicted,))), tuple(names))

    def _write(self, term: Term) -> str:
        values = (
            _quoted(named(int(value), self.names)) if _is_class(term.key) else _number(value) for value in term.values
        )
        return f"{'-' if term.negated else ''}{term.key}{term.operator}{','.join(values)}"


def parse(text: str, names: Sequence[str] = ()) -> Query:
    """Read a filter; `names` are those of the classes. Empty text is the query that everything passes.

    Raises QueryError.
    """
    terms, position, text = [], 0, text.rstrip()
    while position < len(text):
        found = TERM.match(text, position)
        if found is None:
            raise QueryError(_unreadable(text[position:].lstrip()))
        terms.append(_term(found, names))
        position = found.end()
    return Query(tuple(terms), tuple(names))


def rows(query: Query, table: Table) -> NDArray[np.intp]:
    """The rows of the table that pass every term, ascending."""
    keep = np.ones(len(table), dtype=bool)
    for term in query.terms:
        mask = _mask(term, table)
        keep &= ~mask if term.negated else mask
    return np.flatnonzero(keep)


def _mask(term: Term, table: Table) -> Bools:
    if term.key in WORDS:
        return WORDS[term.key].mask(table)
    column = getattr(table, FIELDS[term.key].column)
    mask: Bools
    if term.operator == ":":
        mask = np.isin(column, np.array(term.values, dtype=np.int64))
    else:
        mask = COMPARISONS[term.operator](column, term.values[0])
    return mask


def _term(found: re.Match[str], names: Sequence[str]) -> Term:
    written, negated, given = found["key"], bool(found["negated"]), found["operator"] or ""
    key = ALIASES.get(written.casefold())
    if key is None:
        raise QueryError(_unknown(written))
    values = [value[1:-1] if value[0] in QUOTES else value for value in re.findall(VALUE, found["values"] or "")]
    if key in WORDS:
        if given:
            raise QueryError(f"“{written}” stands alone and takes no value: write {key}, or -{key} for its opposite.")
        return Term(key, negated=negated)
    field = FIELDS[key]
    if not values:
        raise QueryError(f"“{written}” needs {field.kind.value} to compare with, as in {field.example}.")
    sign = ":" if written == "#" or given == "!=" else SPELLINGS.get(given, given)
    numbers = tuple(dict.fromkeys(_value(value, field, names) for value in values))
    _check_sign(sign, field, len(numbers))
    return Term(key, sign, numbers, negated != (given == "!="))


def _check_sign(sign: str, field: Field, count: int) -> None:
    if sign == ":" and not field.takes_colon:
        raise QueryError(f"“{field.key}” is compared with >, >=, < or <=, as in {field.example}.")
    if sign in COMPARISONS and not field.takes_comparison:
        raise QueryError(f"“{field.key}” takes {field.kind.value} after a colon, as in {field.example}.")
    if sign in COMPARISONS and count > 1:
        raise QueryError(f"“{field.key}{sign}” takes one number; only after a colon can there be several.")


def _value(text: str, field: Field, names: Sequence[str]) -> float:
    if field.kind is Kind.CLASS:
        try:
            return class_number(text, names)
        except AnalysisError as error:
            raise QueryError(str(error)) from None
    if field.kind is Kind.INDEX:
        if not (text.isdecimal() and text.isascii() and len(text) <= LONGEST_INDEX):
            raise QueryError(f"“{text}” is no index: write a whole number from 0, as in {field.example}.")
        return int(text)
    percent = field.kind is Kind.FRACTION and text.endswith("%")
    try:
        number = float(text.removesuffix("%") if percent else text) / (100 if percent else 1)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise QueryError(f"“{text}” is no number from 0: write {field.key} as in {field.example}.")
    if field.kind is Kind.FRACTION and number > 1:
        raise QueryError(
            f"“{field.key}” goes from 0 to 1, so {text} is out of its range: write {field.example} or 90%."
        )
    return number


def _unknown(word: str) -> str:
    if word.isdecimal():
        return f"“{word}” alone can mean many things: write true:{word}, pred:{word} or index:{word}."
    near = difflib.get_close_matches(word.casefold(), ALIASES, n=1)
    if near:
        entry = FIELDS.get(ALIASES[near[0]])
        return f"“{word}” is not known: did you mean {entry.example if entry else near[0]}?"
    examples = " ".join(field.example for field in FIELDS.values())
    return f"“{word}” is not known: ask for {examples}, or one of {', '.join(WORDS)}."


def _unreadable(rest: str) -> str:
    if rest.count('"') % 2:
        return f"A quotation mark is left open in “{rest}”: close it, or leave it out."
    if rest.rstrip().endswith(","):
        return f"“{rest}” ends with a comma: add one more value, or take the comma away."
    return f"“{rest}” cannot be read: write terms like true:4,7 conf>0.9 -right, with blanks between them."


def _is_class(key: str) -> bool:
    return key in FIELDS and FIELDS[key].kind is Kind.CLASS


def _quoted(name: str) -> str:
    if '"' in name:
        return f"'{name}'"
    return f'"{name}"' if not name or name[0] in QUOTES or re.search(r"[\s,]", name) else name


def _number(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value and not isinstance(value, int) else repr(value)
