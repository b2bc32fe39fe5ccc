"""Objects that an engine shares between its threads and its training."""

from collections.abc import Callable
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
    is_tested: bool = False
    """True if an earlier engine has tested the run."""
    distribution: Distribution = field(default_factory=Distribution)
    sample_hardware: Callable[[], None] = lambda: None
    """Samples the energy up to now."""

    def wait_until_saved(self) -> None:
        """Repeat failed writes until all is saved, the run directory is gone or a user stops the run.

        Files are only waited for if a free disk would take them.
        """

        def is_over() -> bool:
            has_events, has_files = self.event_writer.retry(), self.writer.retry()
            return (has_events and has_files) or not self.run.path.exists()

        self.steering.retry_until(is_over)
