"""The filter language of the digits screen, such as `true:4 pred:9 conf>0.9 -label-issue`.

    query = parse("true:cat,dog loss>2", names)
    rows(query, table)                          # int array of the rows that match every term

`field:value,value` matches any of the values, `field>value` (>=, <, <=) compares, and a word needs no value. A leading
- or ! negates a term. Classes go by number or name, in quotes if the name has a blank or a comma. 90% means 0.9, and
#123 means index:123. Comparisons with NaN are false, so their negations are true. analysis/terms.py lists all terms.
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
from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools
from mnist_tui.analysis.table import ExampleTable
from mnist_tui.analysis.terms import ALIASES, FIELDS, WORDS, Field, Kind

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
LONGEST_INDEX = 12
"""Decimal digits of an index; more than any data set needs, and far from an int64 overflow."""
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
    """A filter that cannot be parsed. The message is one line: what is wrong and how to fix it."""


@dataclass(frozen=True)
class Term:
    """One condition. `operator` is ":", a comparison, or empty for a word."""

    key: str
    operator: str = ""
    values: tuple[float, ...] = ()
    """Classes and indices are int."""
    negated: bool = False


@dataclass(frozen=True)
class Query:
    """A conjunction of terms, and the class names that its text uses."""

    terms: tuple[Term, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the normalised text, which `parse` turns into the same query."""
        return " ".join(self._write(term) for term in self.terms)

    @classmethod
    def cell(cls, true: int, predicted: int, names: Sequence[str] = ()) -> "Query":
        """Return the query for the examples in one cell of a confusion matrix."""
        return cls((Term("true", ":", (true,)), Term("pred", ":", (predicted,))), tuple(names))

    def _write(self, term: Term) -> str:
        values = (
            quoted(class_name(int(value), self.names)) if _is_class(term.key) else _number(value)
            for value in term.values
        )
        return f"{'-' if term.negated else ''}{term.key}{term.operator}{','.join(values)}"


def parse(text: str, names: Sequence[str] = ()) -> Query:
    """Parse a filter with these class names; the empty text matches everything. Raises QueryError."""
    terms, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = TERM.match(text, position)
        if match is None:
            raise QueryError(_unreadable(text[position:].lstrip()))
        terms.append(_term(match, names))
        position = match.end()
    return Query(tuple(terms), tuple(names))


def rows(query: Query, table: ExampleTable) -> NDArray[np.intp]:
    """Return the rows of the table that match every term, ascending."""
    keep = np.ones(len(table), dtype=bool)
    for term in query.terms:
        mask = _mask(term, table)
        keep &= ~mask if term.negated else mask
    return np.flatnonzero(keep)


def _mask(term: Term, table: ExampleTable) -> Bools:
    if term.key in WORDS:
        return WORDS[term.key].mask(table)
    column = getattr(table, FIELDS[term.key].column)
    mask: Bools
    if term.operator == ":":
        mask = np.isin(column, np.array(term.values, dtype=np.int64))
    else:
        mask = COMPARISONS[term.operator](column, term.values[0])
    return mask


def _term(match: re.Match[str], names: Sequence[str]) -> Term:
    written, negated, given = match["key"], bool(match["negated"]), match["operator"] or ""
    key = ALIASES.get(written.casefold())
    if key is None:
        raise QueryError(_unknown(written))
    values = [value[1:-1] if value[0] in QUOTES else value for value in re.findall(VALUE, match["values"] or "")]
    if key in WORDS:
        if given:
            raise QueryError(f"“{written}” takes no value: write {key}, or -{key} for its opposite")
        return Term(key, negated=negated)
    field = FIELDS[key]
    if not values:
        raise QueryError(f"“{written}” needs {field.kind.value}: write {field.example}")
    sign = ":" if written == "#" or given == "!=" else SPELLINGS.get(given, given)
    numbers = tuple(dict.fromkeys(_value(value, field, names) for value in values))
    _check_sign(sign, field, len(numbers))
    return Term(key, sign, numbers, negated != (given == "!="))


def _check_sign(sign: str, field: Field, count: int) -> None:
    if sign == ":" and not field.takes_colon:
        raise QueryError(f"“{field.key}” needs >, >=, < or <=: write {field.example}")
    if sign in COMPARISONS and not field.takes_comparison:
        raise QueryError(f"“{field.key}” takes {field.kind.value} after a colon: write {field.example}")
    if sign in COMPARISONS and count > 1:
        raise QueryError(f"“{field.key}{sign}” takes one number: several are allowed only after a colon")


def _value(text: str, field: Field, names: Sequence[str]) -> float:
    if field.kind is Kind.CLASS:
        try:
            return class_number(text, names)
        except AnalysisError as error:
            raise QueryError(str(error)) from None
    if field.kind is Kind.INDEX:
        if not (text.isdecimal() and text.isascii() and len(text) <= LONGEST_INDEX):
            raise QueryError(f"“{text}” is not an index: write a whole number from 0, such as {field.example}")
        return int(text)
    percent = field.kind is Kind.FRACTION and text.endswith("%")
    try:
        number = float(text.removesuffix("%") if percent else text) / (100 if percent else 1)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise QueryError(f"“{text}” is not a number from 0: write {field.example}")
    if field.kind is Kind.FRACTION and number > 1:
        raise QueryError(f"“{field.key}” is from 0 to 1, not {text}: write {field.example} or 90%")
    return number


def _unknown(word: str) -> str:
    if word.isdecimal():
        return f"“{word}” is ambiguous: write true:{word}, pred:{word} or index:{word}"
    near = difflib.get_close_matches(word.casefold(), ALIASES, n=1)
    if near:
        entry = FIELDS.get(ALIASES[near[0]])
        return f"unknown term “{word}”: did you mean {entry.example if entry else ALIASES[near[0]]}?"
    examples = " ".join(field.example for field in FIELDS.values())
    return f"unknown term “{word}”: write {examples}, or one of {', '.join(WORDS)}"


def _unreadable(rest: str) -> str:
    if rest.count('"') % 2:
        return f"unclosed quotation mark in “{rest}”: close it or leave it out"
    if rest.rstrip().endswith(","):
        return f"“{rest}” ends with a comma: add a value or remove the comma"
    return f"“{rest}” is not a filter: write terms such as true:4,7 conf>0.9 -correct, separated by blanks"


def _is_class(key: str) -> bool:
    return key in FIELDS and FIELDS[key].kind is Kind.CLASS


def quoted(name: str) -> str:
    """Return a class name as a filter writes it: in quotation marks if it has a blank or a comma."""
    if '"' in name:
        return f"'{name}'"
    return f'"{name}"' if not name or name[0] in QUOTES or re.search(r"[\s,]", name) else name


def _number(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value and not isinstance(value, int) else repr(value)
