"""Messages between the processes of a distributed run: orders of the coordinator and replies of the workers.

Each message is one JSON line.
"""

import msgspec

from mnist_tui import __version__
from mnist_tui.config import RunConfig

LONGEST_LINE = 64 * 1024


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Request of a worker to join the run."""

    process: int
    processes: int
    version: str = __version__


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """Heartbeat, sent by the coordinator and by the workers."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Report of a worker that has loaded its data and builds the model next."""


class Farewell(msgspec.Struct, frozen=True, tag="farewell"):
    """Report of a worker that exits, with the reason."""

    reason: str


class Settings(msgspec.Struct, frozen=True, tag="settings"):
    """First order: the settings of the run, and the port of JAX's own coordinator on the same machine."""

    config: RunConfig
    jax_port: int


class Data(msgspec.Struct, frozen=True, tag="data"):
    """Checksum that the data of every process must have."""

    checksum: str


class Restore(msgspec.Struct, frozen=True, tag="restore"):
    """Order to restore the variables, which JAX broadcasts next."""


class Fit(msgspec.Struct, frozen=True, tag="fit"):
    """Order to train the rest of an epoch (counted from 0), after `batch` batches. A StepOrder precedes each step."""

    epoch: int
    batch: int


class StepOrder(msgspec.Struct, frozen=True, tag="step"):
    """Order to train the next batch at this learning rate."""

    rate: float


class End(msgspec.Struct, frozen=True, tag="end"):
    """End of the run; `error` is empty if it ended in good order."""

    error: str = ""


class Rejection(msgspec.Struct, frozen=True, tag="refusal"):
    """Refusal to let a worker join, with the reason."""

    reason: str


Order = Settings | Data | Restore | Fit | StepOrder | End | Rejection | Beat
Answer = Hello | Beat | Ready | Farewell


def encode(message: Order | Answer) -> bytes:
    """Encode a message as a line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"
