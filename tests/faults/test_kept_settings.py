"""Random sequences of requests, kills and resumes: a setting that the engine acknowledged is kept.

`pytest --hypothesis-seed=N` repeats a seed.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mnist_tui.cli.listing import run_document
from mnist_tui.control import client, protocol
from mnist_tui.control.protocol import SteeringRequest
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.training.trainer import ROLLBACK_FACTOR
from mnist_tui.events import AnyEvent, CheckpointSaved, PhaseChanged
from mnist_tui.events import Phase as RunPhase
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.engine.held import ME
from tests.faults import engine as faults
from tests.faults.engine import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.timeout(3_600)  # for all sequences; each wait has its own timeout

SETTINGS = {"preset": "mlp", "batch_size": 17, "epochs": 100, "steps_per_execution": 1, "checkpoint_seconds": 86_400}
"""No checkpoint but at the start, at the end of an epoch, and on request."""
IMAGES = 120
"""Training images, as few as a run accepts."""
EPOCHS = st.none() | st.integers(100, 9_000)
CHANGES = st.lists(
    st.builds(protocol.SetEpochs, by=st.just(ME), epochs=EPOCHS, change=st.integers(-3, 3))
    | st.builds(protocol.SetLearningRate, by=st.just(ME), value=st.floats(1e-6, 0.005))
    | st.builds(protocol.SetEarlyStopping, by=st.just(ME), rule=st.sampled_from(["off", "loss:90", "accuracy:80"])),
    min_size=1,
    max_size=3,
)


class TrainedRun(Protocol):
    """A run with an engine that can be killed."""

    run: RunDirectory

    def resume(self, epochs: int | None) -> None: ...

    def send(self, request: SteeringRequest) -> None: ...

    def kill(self) -> None: ...

    def wait(self) -> None:
        """Wait until the engine has exited."""


class InProcessRun:
    """A run that a thread of this process trains. A kill ends the thread as it continues after a pause."""

    def __init__(self, data: Path) -> None:
        self.run = in_process.new_run(**SETTINGS, data=data)
        self._start()

    def resume(self, epochs: int | None) -> None:
        self._start(resumes=True, epochs=epochs)

    def _start(self, *, resumes: bool = False, epochs: int | None = None) -> None:
        self._engine: Engine | None = None
        self._is_killed = False

        def train() -> None:
            if resumes:
                in_process.resume(self.run, self._on_event, epochs)
            else:
                in_process.train(self.run, self._on_event)

        self._thread = threading.Thread(target=train, daemon=True)
        self._thread.start()
        wait_until(lambda: self._engine is not None, "for the engine")

    def _on_event(self, engine: Engine, _: AnyEvent) -> None:
        self._engine = engine
        if self._is_killed and threading.current_thread() is self._thread:
            raise in_process.Crash

    def send(self, request: SteeringRequest) -> None:
        assert self._engine is not None
        assert self._thread.is_alive()
        self._engine.handle(request)

    def kill(self) -> None:
        self._is_killed = True
        if self._thread.is_alive():
            self.send(protocol.Continue(by=ME))
        self.wait()

    def wait(self) -> None:
        self._thread.join()


class ProcessRun:
    """A run that a process trains. A kill is SIGKILL."""

    def __init__(self, data: Path) -> None:
        self._engine = faults.Engine(**SETTINGS, data=data)
        self.run = self._engine.run

    def resume(self, epochs: int | None) -> None:
        self._engine.resume(epochs)

    def send(self, request: SteeringRequest) -> None:
        wait_until(lambda: (endpoint := self.run.endpoint()) and endpoint.socket, "for the control socket")
        client.send(self.run, request, PATIENCE_SECONDS)

    def kill(self) -> None:
        self._engine.kill()

    def wait(self) -> None:
        self._engine.wait()


class KeptSettings(RuleBasedStateMachine):
    """The engine is always paused between two rules. `expected` holds the settings that it acknowledged."""

    start_run: Callable[[], TrainedRun]

    def __init__(self) -> None:
        super().__init__()
        self.trained = self.start_run()
        self.run = self.trained.run
        config = self.run.record().config
        self.epochs, self.rate, self.early_stopping = config.epochs, config.learning_rate, config.early_stopping
        self.send_and_pause(protocol.Pause(by=ME))

    def teardown(self) -> None:
        self.trained.kill()

    def events(self) -> list[AnyEvent]:
        """Return all events; the engine may be writing the next one."""
        follower, events = LogFollower(self.run.events_path), list[AnyEvent]()
        while fresh := follower.read():
            events += fresh
        return events

    def send_and_pause(self, request: SteeringRequest, *more: SteeringRequest) -> None:
        """Send requests, and wait until the engine has paused again."""

        def pauses() -> int:
            return sum(isinstance(each, PhaseChanged) and each.phase is RunPhase.PAUSED for each in self.events())

        before = pauses()
        for each in (request, *more):
            self.trained.send(each)
        wait_until(lambda: pauses() > before, "for a pause")

    @rule(changes=CHANGES)
    def change(self, changes: list[SteeringRequest]) -> None:
        for request in changes:
            self.trained.send(request)
            match request:
                case protocol.SetEpochs(epochs=epochs, change=more):
                    self.epochs = (self.epochs if epochs is None else epochs) + more
                case protocol.SetLearningRate(value=float(value)):
                    self.rate = float(f"{value:.6g}")
                case protocol.SetEarlyStopping(rule=early_stopping):
                    self.early_stopping = early_stopping

    @rule(count=st.integers(1, 9))
    def step(self, count: int) -> None:
        self.send_and_pause(protocol.Step(by=ME, count=count))
        self.check_newest_step()

    @rule()
    def continue_and_pause(self) -> None:
        before = summarize(self.run).steps_done
        self.trained.send(protocol.Continue(by=ME))
        wait_until(lambda: summarize(self.run).steps_done > before, "for a step")
        self.send_and_pause(protocol.Pause(by=ME))
        self.check_newest_step()

    @rule()
    def save_checkpoint(self) -> None:
        before = self.checkpoints_saved()
        self.trained.send(protocol.SaveCheckpoint(by=ME))
        wait_until(lambda: self.checkpoints_saved() > before, "for a checkpoint")
        self.check_checkpoint()

    @rule(changes=CHANGES)
    def roll_back(self, changes: list[SteeringRequest]) -> None:
        self.change(changes)
        self.send_and_pause(protocol.RollBack(by=ME), protocol.Pause(by=ME))
        self.rate = float(f"{self.rate * ROLLBACK_FACTOR:.6g}")
        self.check_newest_step()
        self.check_checkpoint()

    @rule(changes=CHANGES, epochs=EPOCHS)
    def kill_and_resume(self, changes: list[SteeringRequest], epochs: int | None) -> None:
        self.change(changes)
        self.trained.kill()
        self.resume(epochs)

    @rule(changes=CHANGES, epochs=EPOCHS)
    def stop_and_resume(self, changes: list[SteeringRequest], epochs: int | None) -> None:
        self.change(changes)
        self.trained.send(protocol.Stop(by=ME))
        self.trained.wait()
        self.check_checkpoint()
        self.resume(epochs)

    def resume(self, epochs: int | None) -> None:
        self.is_shown()
        self.trained.resume(epochs)
        self.epochs = self.epochs if epochs is None else epochs
        self.send_and_pause(protocol.Pause(by=ME))
        self.check_newest_step()
        self.save_checkpoint()

    @invariant()
    def is_shown(self) -> None:
        document = run_document(summarize(self.run))
        assert (document["epochs_planned"], document["learning_rate"], document["early_stopping"]) == self.expected

    @property
    def expected(self) -> tuple[int, float, str]:
        return self.epochs, self.rate, self.early_stopping

    def checkpoints_saved(self) -> int:
        return sum(isinstance(event, CheckpointSaved) for event in self.events())

    def check_newest_step(self) -> None:
        """Check that no step is lost, and that the newest one was trained with the expected settings."""
        history = History(self.run.record())
        history.apply_all(self.events())
        assert history.steps.column("step").tolist() == list(range(1, history.last_step + 1))
        assert history.started is not None
        total = history.started.steps_per_epoch * self.epochs
        expected = PRESETS["mlp"].schedule(history.last_step - 1, total, self.rate)
        assert history.steps.column("learning_rate")[-1] == pytest.approx(expected, rel=1e-5)

    def check_checkpoint(self) -> None:
        """Check that the newest checkpoint has the expected settings."""
        checkpoint = checkpoints.read(self.run)
        assert checkpoint is not None
        state = checkpoint.state
        assert (state.epochs_planned, state.max_learning_rate, state.early_stopping) == self.expected


def check(start_run: Callable[[], TrainedRun], sequences: int, rules: int) -> None:
    machine = type(KeptSettings.__name__, (KeptSettings,), {"start_run": staticmethod(start_run)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=rules,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to shrink a sequence of engine starts would take an hour
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_settings_survive_random_sequences(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    data = tmp_path / "noise.npz"
    images, labels = (
        np.random.default_rng(0).integers(256, size=(IMAGES, 28, 28), dtype=np.uint8),
        np.arange(IMAGES) % 10,
    )
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    if pytestconfig.getoption("--full"):
        check(partial(InProcessRun, data), sequences=25, rules=20)
        check(partial(ProcessRun, data), sequences=4, rules=12)
    else:
        check(partial(InProcessRun, data), sequences=2, rules=6)
