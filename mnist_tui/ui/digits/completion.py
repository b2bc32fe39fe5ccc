"""Completion of the word before the cursor in a filter: fields, words, and class names."""

from collections.abc import Sequence

from mnist_tui.analysis.query import QUOTES, quoted
from mnist_tui.analysis.terms import FIELDS, WORDS, Kind

NEGATIONS = "-!"
OPERATORS = (":", "=", ">", "<", "≥", "≤", ",")


def word_before(text: str, cursor: int) -> str:
    """Return the word that ends at the cursor, with its sign; blanks between quotation marks belong to it."""
    start, quote = 0, ""
    for place, letter in enumerate(text[:cursor]):
        if quote or letter in QUOTES:
            quote = "" if letter == quote else quote or letter
        elif letter.isspace():
            start = place + 1
    return text[start:cursor]


def candidates(word: str, names: Sequence[str] = ()) -> list[str]:
    """Return everything that a partial word can become; complete terms end in a blank."""
    sign = word[:1] if word[:1] in NEGATIONS and word else ""
    bare = word[len(sign) :].casefold()
    key, colon, _ = bare.partition(":")
    if colon:
        field = FIELDS.get(key)
        if field is None or field.kind is not Kind.CLASS:
            return []
        start = max(word.rfind(letter) for letter in ":,") + 1
        before, partial = word[:start], word[start:].lstrip(QUOTES).casefold()
        return [f"{before}{quoted(name)} " for name in names if name.casefold().startswith(partial)]
    return [
        *(f"{sign}{key}{':' if field.takes_colon else '>'}" for key, field in FIELDS.items() if key.startswith(bare)),
        *(f"{sign}{key} " for key in WORDS if key.startswith(bare)),
    ]


def complete(text: str, cursor: int, names: Sequence[str] = ()) -> tuple[str, int]:
    """Return text and cursor after completing the word before the cursor as far as all candidates agree."""
    word = word_before(text, cursor)
    common = _common_prefix(candidates(word, names))
    if not word or len(common) <= len(word.rstrip()):
        return text, cursor
    start = cursor - len(word)
    rest = text[cursor:].lstrip() if common.endswith(" ") else text[cursor:]
    return text[:start] + common + rest, start + len(common)


def without_partial_word(text: str, cursor: int, names: Sequence[str] = ()) -> str:
    """Return the text without an incomplete word before the cursor, which is no error yet."""
    word = word_before(text, cursor)
    bare = word.lstrip(NEGATIONS)
    complete_word = bare in WORDS or any(each.strip() == word for each in candidates(word, names))
    if bare and complete_word and not bare.endswith((":", ">")):
        return text
    if bare.endswith(OPERATORS) or (word and candidates(word, names)):
        return text[: cursor - len(word)] + text[cursor:]
    return text


def _common_prefix(texts: Sequence[str]) -> str:
    shortest = min(texts, key=len, default="")
    lengths = (n for n in range(len(shortest), 0, -1) if all(text.startswith(shortest[:n]) for text in texts))
    return shortest[: next(lengths, 0)]
