"""The filter of a list of runs, such as `preset:fast val>0.99 tag:baseline otter`.

The grammar is that of the digits' filter (analysis/query.py). A field is a setting, a result or a tag; a word without a
field is a part of the name, the id or a tag.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from mnist_tui.analysis.query import COMPARISONS, QUOTES, SPELLINGS, TERM, VALUE
from mnist_tui.config import ConfigError
from mnist_tui.runs.summary import RunSummary
from mnist_tui.settings import INTEGER, REAL, SETTINGS

ALIASES = {"validation": "val", "lr": "learning_rate", "batch": "batch_size", "tags": "tag"}
SHARES = ("val", "test")
"""Fields from 0 to 1; 99% means 0.99."""
NUMBERS = {*SHARES, "steps", *(setting.key for setting in SETTINGS if setting.kind in (INTEGER, REAL))}
TEXTS = {"name", "id", "status", "tag", "note", *(setting.key for setting in SETTINGS if setting.key not in NUMBERS)}
PARTS = {"name", "id", "note", "data"}
"""Fields of which a part is enough."""
PINNED = "pinned"
EXAMPLES = "preset:fast  val>0.99  tag:baseline  status:finished  seed:3  pinned  -otter"


@dataclass(frozen=True)
class RunTerm:
    """One condition. Without an operator, `key` is a part of a name, or "pinned"."""

    key: str
    operator: str = ""
    values: tuple[str | float, ...] = ()
    negated: bool = False


def parse(text: str) -> tuple[RunTerm, ...]:
    """Parse a filter; the empty text matches every run. Raises ConfigError."""
    terms, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = TERM.match(text, position)
        if match is None or match["key"] == "#":
            rest = text[position:].strip()
            raise ConfigError(f"“{rest}” is not a filter of runs: write terms such as {EXAMPLES}")
        terms.append(_term(match))
        position = match.end()
    return tuple(terms)


def matching(terms: Iterable[RunTerm], runs: Iterable[RunSummary]) -> list[RunSummary]:
    """Return the runs that match every term, in the same order."""
    wanted = tuple(terms)
    return [run for run in runs if all(_matches(term, run) != term.negated for term in wanted)]


def _term(match: re.Match[str]) -> RunTerm:
    written, given, negated = match["key"].casefold(), match["operator"] or "", bool(match["negated"])
    values = tuple(value[1:-1] if value[0] in QUOTES else value for value in re.findall(VALUE, match["values"] or ""))
    if not given:
        return RunTerm(written, negated=negated)
    key = ALIASES.get(written, written.replace("-", "_"))
    if key not in NUMBERS | TEXTS:
        near = difflib.get_close_matches(key, [*NUMBERS, *TEXTS, *ALIASES], n=1)
        raise ConfigError(
            f"unknown field “{written}”: " + (f"did you mean {near[0]}?" if near else f"write {EXAMPLES}")
        )
    if not values:
        raise ConfigError(f"“{written}{given}” needs a value: write terms such as {EXAMPLES}")
    operator = ":" if given == "!=" else SPELLINGS.get(given, given)
    if operator in COMPARISONS and (key in TEXTS or len(values) > 1):
        fix = "a colon" if key in TEXTS else "one number"
        raise ConfigError(f"“{written}{given}{','.join(values)}” cannot be compared: “{written}” takes {fix}")
    found = tuple(_number(key, value) if key in NUMBERS else value.casefold() for value in values)
    return RunTerm(key, operator, found, negated != (given == "!="))


def _number(key: str, text: str) -> float:
    is_percent = key in SHARES and text.endswith("%")
    try:
        number = float(text.removesuffix("%") if is_percent else text) / (100 if is_percent else 1)
    except ValueError:
        raise ConfigError(f"“{text}” is not a number: write {key}>0.99, or {key}:1 for an exact value") from None
    if key in SHARES and not 0 <= number <= 1:
        raise ConfigError(f"“{key}” is from 0 to 1, not {text}: write {key}>0.99 or {key}>99%")
    return number


def _matches(term: RunTerm, run: RunSummary) -> bool:
    if not term.operator:
        if term.key == PINNED:
            return run.about.pinned
        return any(term.key in each.casefold() for each in (run.record.name, run.record.id, *run.about.tags))
    found = _value(term.key, run)
    if term.key in NUMBERS:
        if isinstance(found, bool) or not isinstance(found, int | float):
            return False
        if term.operator == ":":
            return found in term.values
        return bool(COMPARISONS[term.operator](found, term.values[0]))
    texts = [str(each).casefold() for each in (found if isinstance(found, tuple) else (found,)) if each is not None]
    if term.key in PARTS:
        return any(str(value) in text for value in term.values for text in texts)
    return any(value in texts for value in term.values)


def _value(key: str, run: RunSummary) -> Any:
    match key:
        case "val":
            return run.validation_accuracy
        case "test":
            return run.test_accuracy
        case "tag":
            return run.about.tags
        case "note":
            return run.about.note
        case "status":
            return str(run.status)
        case "steps":
            return run.steps_done
        case "name" | "id":
            return getattr(run.record, key)
        case "preset":
            return run.record.config.members
    return msgspec.structs.asdict(run.record.config).get(key)
