"""Objects that an engine shares between its threads and its training."""

from dataclasses import dataclass, field

from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.service.steering import Steering
from mnist_tui.runs.directory import RunDirectory


@dataclass(frozen=True)
class RunContext:
    """A run's directory, its writers, the user's requests and the processes that train it."""

    run: RunDirectory
    event_writer: EventWriter
    writer: RetryingWriter
    steering: Steering
    distribution: Distribution = field(default_factory=Distribution)
