"""Completes the word under the cursor of a filter (analysis/query.py): fields, words, and names of classes."""

from collections.abc import Sequence

from mnist_tui.analysis.terms import FIELDS, WORDS, Field, Kind

NEGATIONS = "-!"
OPERATORS = (":", "=", ">", "<", "≥", "≤", ",")


def begun(text: str, cursor: int) -> str:
    """The word that ends at the cursor, with its sign: what a completion takes the place of."""
    head = text[:cursor]
    return head[max(head.rfind(" "), head.rfind("\t")) + 1 :]


def candidates(word: str, names: Sequence[str] = ()) -> list[str]:
    """All that a begun word can become, as it would be written; a finished one ends in a blank."""
    sign = word[:1] if word[:1] in NEGATIONS and word else ""
    bare = word[len(sign) :].casefold()
    key, colon, values = bare.partition(":")
    if colon:
        field = FIELDS.get(key)
        if field is None or field.kind is not Kind.CLASS:
            return []
        earlier, comma, last = values.rpartition(",")
        plain = [name for name in names if not set(name) & set(" ,\"'")]
        return [f"{sign}{key}:{earlier}{comma}{name} " for name in plain if name.casefold().startswith(last)]
    return [
        *(sign + field.key + _operator(field) for field in FIELDS.values() if field.key.startswith(bare)),
        *(f"{sign}{key} " for key in WORDS if key.startswith(bare)),
    ]


def complete(text: str, cursor: int, names: Sequence[str] = ()) -> tuple[str, int]:
    """Text and cursor after Tab: the only candidate, else as far as all of them agree."""
    word = begun(text, cursor)
    found = candidates(word, names)
    common = _common_start(found)
    if not word or len(common) <= len(word.rstrip()):
        return text, cursor
    start = cursor - len(word)
    rest = text[cursor:].lstrip() if common.endswith(" ") else text[cursor:]
    return text[:start] + common + rest, start + len(common)


def finished(text: str, cursor: int, names: Sequence[str] = ()) -> str:
    """The text without the word before the cursor where that is only begun: no mistake yet, and no demand."""
    word = begun(text, cursor)
    bare = word.lstrip(NEGATIONS)
    whole = bare in WORDS or any(each.strip() == word for each in candidates(word, names))
    if bare and (whole and not bare.endswith((":", ">"))):
        return text
    if bare.endswith(OPERATORS) or (word and candidates(word, names)):
        return text[: cursor - len(word)] + text[cursor:]
    return text


def _operator(field: Field) -> str:
    return ":" if field.takes_colon else ">"


def _common_start(texts: Sequence[str]) -> str:
    shortest = min(texts, key=len, default="")
    agreed = (place for place in range(len(shortest), 0, -1) if all(text[:place] == shortest[:place] for text in texts))
    return shortest[: next(agreed, 0)]
