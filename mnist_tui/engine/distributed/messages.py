"""Messages between the coordinator and the workers, one JSON line each.

`Hello` and `Rejection` must keep their encoding, so that a process of another version can be rejected.
"""

import msgspec

from mnist_tui import __version__
from mnist_tui.config import RunConfig

MAX_LINE_BYTES = 64 * 1024


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First message of a worker."""

    rank: int = msgspec.field(name="process")
    world_size: int = msgspec.field(name="processes")
    version: str = __version__


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """Sign of life from either side."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Worker has loaded its data and is about to build the model."""


class Leaving(msgspec.Struct, frozen=True, tag="leaving"):
    """Worker exits because of an error."""

    reason: str


class Setup(msgspec.Struct, frozen=True, tag="setup"):
    """First order: the run's settings and the port of JAX's own coordinator on the same host."""

    config: RunConfig
    jax_port: int


class Data(msgspec.Struct, frozen=True, tag="data"):
    """Order to load the data, with its expected checksum."""

    checksum: str


class Restore(msgspec.Struct, frozen=True, tag="restore"):
    """Order to receive the variables of a checkpoint through JAX."""


class Fit(msgspec.Struct, frozen=True, tag="fit"):
    """Order to train the rest of an epoch (from 0) after `batch` batches. A StepOrder precedes each step."""

    epoch: int
    batch: int


class StepOrder(msgspec.Struct, frozen=True, tag="step"):
    """Order to train on the next batch."""

    learning_rate: float


class End(msgspec.Struct, frozen=True, tag="end"):
    """End of the run, with its error message if it failed."""

    error: str = ""


class Rejection(msgspec.Struct, frozen=True, tag="refusal"):
    """Answer to a worker that cannot join."""

    reason: str


Order = Setup | Data | Restore | Fit | StepOrder | End | Rejection | Heartbeat
WorkerMessage = Hello | Heartbeat | Ready | Leaving


def encode(message: Order | WorkerMessage) -> bytes:
    """Return a message as a JSON line."""
    return msgspec.json.encode(message) + b"\n"
