"""Training in the test's own process: no engine has to start, which takes seconds. No control socket, either."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch

import msgspec
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.config import RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.events import AnyEvent
from mnist_tui.runs.directory import RunDirectory, create_run
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.model_source import Source, keep_source

OnEvent = Callable[[Engine, AnyEvent], None]
"""Function to call after every event. It may send requests to the engine, or raise Crash."""


class Crash(BaseException):
    """End of a run without any cleanup."""


def new_run(**settings: object) -> RunDirectory:
    """Create a run that no engine trains yet."""
    with patch("mnist_tui.control.client.start", _create):
        return launch(catalogue().complete({key: str(value) for key, value in settings.items()}))


def new_run_like(run: RunDirectory) -> RunDirectory:
    """Create a run with the settings and the own model of another one, whose data and model are not checked again."""
    config = run.record().config
    return _create(msgspec.structs.replace(config, name=None), None, Source(config.model) if config.model else None)


def _create(config: RunConfig, _cluster: object, source: Source | None, *_: object) -> RunDirectory:
    run = create_run(config)
    if source is not None:
        keep_source(run, source)
    return run


def train(run: RunDirectory, on_event: OnEvent | None = None) -> list[AnyEvent]:
    """Train a run until it ends, fails or crashes. Return its events."""
    return _work(run, on_event)


def resume(
    run: RunDirectory, on_event: OnEvent | None = None, epochs: int | None = None, *, accepted_by: str = ""
) -> list[AnyEvent]:
    """Train a run from its newest checkpoint until it ends, fails or crashes. Return its events."""
    return _work(run, on_event, lambda engine: engine.report_resumed("a test", epochs), accepted_by)


def crash_at(condition: Callable[[AnyEvent], bool]) -> OnEvent:
    """Return a function that crashes the run at an event."""

    def crash(_: Engine, event: AnyEvent) -> None:
        if condition(event):
            raise Crash

    return crash


def _work(
    run: RunDirectory,
    on_event: OnEvent | None,
    report: Callable[[Engine], None] | None = None,
    accepted_by: str = "",
) -> list[AnyEvent]:
    write = EventWriter.emit

    def emit(event_writer: EventWriter, event: AnyEvent) -> None:
        write(event_writer, event)
        if on_event is not None:
            on_event(engine, event)

    with _deterministic_tensorflow(), patch.object(EventWriter, "emit", emit), patch.dict(os.environ):
        start = checkpoints.read(run) if report is not None else None
        engine = Engine(run, start, None, explain_only=False, accepted_by=accepted_by)
        if report is not None:
            report(engine)
        with suppress(Crash):
            engine.work()
    return LogFollower(run.events_path).read()


@contextmanager
def _deterministic_tensorflow() -> Iterator[None]:
    """Enable deterministic operations, but leave the number of threads: it cannot change after the first operation."""
    tf.config.experimental.enable_op_determinism()
    try:
        with patch.object(backends.current(), "prepare"):
            yield
    finally:
        tf_config.disable_op_determinism()
