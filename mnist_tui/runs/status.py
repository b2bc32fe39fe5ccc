"""Status of a run."""

from enum import StrEnum


class Status(StrEnum):
    """Status of a run, as screens, listings and `--json` show it."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def is_live(self) -> bool:
        """Return True if the run goes on."""
        return self in (Status.STARTING, Status.TRAINING, Status.PAUSED)

    @property
    def is_resumable(self) -> bool:
        """Return True if the run ended before its plan, so that it can continue from its newest checkpoint."""
        return self in (Status.STOPPED, Status.CRASHED, Status.FAILED)
