"""The textbook in assets/why: its pages in order, and which of them explains a layer, an optimizer or a setting."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache

from mnist_tui.resources import asset

INDEX = "index"
"""Name of the first page, which lists the others."""


@dataclass(frozen=True)
class Page:
    """A page of the textbook. Its name is that of its file, without `.md`."""

    name: str
    title: str
    chapter: str
    """Heading of the index under which it is listed; empty for the index itself."""


def page_text(name: str) -> str:
    """Read a page: Markdown that begins with its title. Raises OSError if there is none."""
    return asset(f"why/{name}.md").read_text("utf-8")


@cache
def pages() -> tuple[Page, ...]:
    """Return all pages in the order of the index, which comes first."""
    found, chapter = [Page(INDEX, "Contents", "")], ""
    for heading, title, name in re.findall(r"^## (.*)|^\d+\. \[(.*?)\]\((.*?)\.md\)", page_text(INDEX), re.MULTILINE):
        chapter = heading or chapter
        if name:
            found.append(Page(name, title, chapter))
    return tuple(found)


@cache
def topics() -> dict[str, dict[str, str]]:
    """Return the table of topics: kind ("layers", "optimizers", …) -> Keras class or value -> name of its page."""
    return tomllib.loads(asset("why/topics.toml").read_text("utf-8"))


def page_of(kind: str, topic: str) -> str:
    """Return the page of a topic, as in ("layers", "Conv2D"); the index if it has none."""
    return topics().get(kind, {}).get(topic, INDEX)
