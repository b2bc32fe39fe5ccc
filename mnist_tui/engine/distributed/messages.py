"""What processes that train together tell each other: orders from process 0, answers to it. One JSON line each."""

import msgspec

from mnist_tui import __version__
from mnist_tui.config import RunConfig

LONGEST_LINE = 64 * 1024


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """From a process that joins."""

    process: int
    processes: int
    version: str = __version__


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """From both sides: still there."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """From a process that has read its digits, and builds the network next."""


class Farewell(msgspec.Struct, frozen=True, tag="farewell"):
    """From a process that leaves, and why."""

    reason: str


class Settings(msgspec.Struct, frozen=True, tag="settings"):
    """What is trained: the first order. `jax_port` is where JAX's own coordinator listens, on the same machine."""

    config: RunConfig
    jax_port: int


class Data(msgspec.Struct, frozen=True, tag="data"):
    """What the digits' checksum must be."""

    checksum: str


class Restore(msgspec.Struct, frozen=True, tag="restore"):
    """Take over the arrays that come by JAX."""


class Fit(msgspec.Struct, frozen=True, tag="fit"):
    """Train on what is left of an epoch (counted from 0) after so many batches; an order comes before each step."""

    epoch: int
    batch: int


class StepOrder(msgspec.Struct, frozen=True, tag="step"):
    """Train on the next batch at this learning rate."""

    rate: float


class End(msgspec.Struct, frozen=True, tag="end"):
    """The run is over; `error` says what went wrong, if anything."""

    error: str = ""


class Rejection(msgspec.Struct, frozen=True, tag="refusal"):
    """This process cannot join, and why."""

    reason: str


Order = Settings | Data | Restore | Fit | StepOrder | End | Rejection | Beat
Answer = Hello | Beat | Ready | Farewell


def encode(message: Order | Answer) -> bytes:
    """Its line."""
    return msgspec.json.encode(message) + b"\n"
