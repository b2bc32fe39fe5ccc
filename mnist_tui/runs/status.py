"""Status of a run."""

from enum import StrEnum

from mnist_tui.runs.liveness import LiveEngine, clock


class Status(StrEnum):
    """Status of a run, as screens, listings and `--json` show it."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    UNRESPONSIVE = "not responding"
    FINISHED = "finished"
    STOPPED = "stopped"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def is_live(self) -> bool:
        """Return True if the run goes on."""
        return self in (Status.STARTING, Status.TRAINING, Status.PAUSED, Status.UNRESPONSIVE)

    @property
    def is_resumable(self) -> bool:
        """Return True if the run ended before its plan, so that it can continue from its newest checkpoint."""
        return self in (Status.STOPPED, Status.CRASHED, Status.FAILED)


def in_words(status: Status, engine: LiveEngine | None) -> str:
    """Return a status, since when the engine has not responded, and the machine if it is another one."""
    words = str(status)
    if engine is not None and engine.silent_since is not None and status is Status.UNRESPONSIVE:
        words += f" since {clock(engine.silent_since)}"
    return f"{words} on {engine.endpoint.host}" if engine is not None and engine.is_elsewhere else words
