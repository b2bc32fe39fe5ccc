"""An entry of the queue (runs/queue.py)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from mnist_tui.runs.about import TAG
from mnist_tui.runs.directory import PATHS, RunDirectory, home
from mnist_tui.untrusted import Timestamp, sanitize, sanitized

GROUP = f"^({TAG})?$"
"""Regular expression of a group's name, which is a tag of its runs; empty without a group."""


class State(StrEnum):
    """State of an entry; an ended one has the status of its run."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Return True if the queue is done with the entry."""
        return self not in (State.WAITING, State.RUNNING)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is to be started, runs or has ended."""

    number: Annotated[int, msgspec.Meta(ge=1, lt=10**9)]
    """Number that the user sees and types."""
    added: Timestamp
    """Seconds since 1970."""
    settings: dict[str, str]
    """The settings that were given, as text; the others have their defaults."""
    group: Annotated[str, msgspec.Meta(pattern=GROUP)] = ""
    """Tag of its run, shared with the other runs of a grid."""
    state: State = State.WAITING
    run: Annotated[str, msgspec.Meta(pattern=r"^(\w[\w.-]{0,99})?$")] = ""
    """Name of its run's folder, empty before it is created."""
    error: str = ""
    """Why it could not be started or resumed."""
    resumes: int = 0
    """Number of times that its run was resumed after a restart of the machine or of the runner."""

    @property
    def key(self) -> str:
        """Identity of the entry in the record of its run; numbers are used again."""
        return f"{self.number}@{self.added:.6f}"

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of its run."""
        return (self.group,) if self.group else ()

    @property
    def words(self) -> str:
        """The given settings, sanitised: "fast, learning rate 0.02, seed 1"."""
        given = self.settings
        named = given.get("model") or given.get("preset")
        others = [f"{key.replace('_', ' ')} {given[key]}" for key in given if key not in ("model", "preset")]
        return sanitize(", ".join([*([Path(named).name] if named else []), *others]) or "default settings")

    @property
    def state_words(self) -> str:
        """The state, where that of its run is not known."""
        return "starting" if self.state is State.RUNNING and not self.run else str(self.state)

    @property
    def directory(self) -> RunDirectory | None:
        """Directory of its run; None before it is created."""
        return RunDirectory(home() / self.run) if self.run else None


def decode_entry(line: bytes) -> Entry:
    """Decode a line of the queue's file; raises ValueError or RecursionError. Texts are sanitised, except for paths."""
    written = msgspec.json.decode(line, type=dict[str, Any])
    fields = sanitized(written)
    settings = fields.get("settings")
    if isinstance(settings, dict):
        settings |= {key: written["settings"][key] for key in PATHS if key in written["settings"]}
        settings |= {key: str(value) for key, value in settings.items() if type(value) in (int, float)}  # by hand
    return msgspec.convert(fields, Entry)
