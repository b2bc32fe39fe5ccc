"""Findings of the doctor."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    NOTE = "note"
    """Something is slower or plainer than it could be."""
    PROBLEM = "problem"
    """Something will not work."""


@dataclass(frozen=True)
class Finding:
    """One fact about this machine, and what to do about it."""

    name: str
    value: str
    level: Level = Level.OK
    fix: str = ""
    """A sentence; empty if there is nothing to do."""
