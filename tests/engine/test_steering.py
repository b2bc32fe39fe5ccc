"""Requests and the training thread's next action, without an engine."""

import threading
import time
from collections.abc import Callable

import pytest

from mnist_tui.control.protocol import (
    Continue,
    Explain,
    Pause,
    Request,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    SetUntil,
    Step,
    Stop,
)
from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service import steering as steering_module
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.steering import MAX_PENDING_EXPLANATIONS, Action, Steering
from mnist_tui.events import EndReason, Event, SettingChanged
from mnist_tui.runs.history import History
from tests.kit import samples

BY = "a test"
FIGURES = [EpochFigures(epoch=1, train_loss=0.5, validation_loss=None, validation_accuracy=0.9)]


class RecordedSteering(Steering):
    """A steering that keeps its events."""

    def __init__(self, **state: object) -> None:
        self.events: list[Event] = []
        settings = {"epochs_planned": 3, "max_learning_rate": 0.01, "early_stopping": "off"} | state
        super().__init__(TrainingState(**settings), self.events.append)  # type: ignore[arg-type]

    def changes(self) -> list[tuple[str, str]]:
        assert all(isinstance(event, SettingChanged) and event.by == BY for event in self.events)
        return [(event.setting, event.value) for event in self.events if isinstance(event, SettingChanged)]

    def settings(self) -> tuple[int, float, str]:
        return self.state.epochs_planned, self.state.max_learning_rate, self.state.early_stopping


@pytest.fixture
def steering() -> RecordedSteering:
    """In the second of three epochs."""
    return RecordedSteering(epoch=1, batch=5, step=25)


@pytest.fixture
def ended() -> RecordedSteering:
    return RecordedSteering(epoch=3, step=60)


def in_thread(wait: Callable[[], Action], begun: Callable[[], bool], *changes: Callable[[], object]) -> Action:
    """Return what `wait` returns in a thread, once it has begun to wait and the changes have been made."""
    actions: list[Action] = []
    thread = threading.Thread(target=lambda: actions.append(wait()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not begun():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    for change in changes:
        assert thread.is_alive()
        change()
    thread.join(30)
    return actions[0]


def test_without_requests_it_trains(steering: RecordedSteering) -> None:
    assert steering.next_action(wait=False) is Action.TRAIN
    assert not steering.events


def test_a_pause_holds_until_continue(steering: RecordedSteering) -> None:
    steering.handle(Pause(by=BY))
    assert steering.next_action(wait=False) is Action.PAUSE
    continued = in_thread(
        lambda: steering.next_action(wait=True), lambda: True, lambda: steering.handle(Continue(by=BY))
    )
    assert continued is Action.TRAIN
    assert [setting for setting, _ in steering.changes()] == ["pause", "continue"]


@pytest.mark.parametrize("paused_first", [True, False])
@pytest.mark.parametrize(("steps_per_execution", "count", "executions"), [(1, 2, 2), (4, 5, 2), (4, 4, 1)])
def test_steps_are_rounded_up_to_executions(
    steering: RecordedSteering, paused_first: bool, steps_per_execution: int, count: int, executions: int
) -> None:
    steering.steps_per_execution = steps_per_execution
    if paused_first:
        steering.handle(Pause(by=BY))
    steering.handle(Step(by=BY, count=count))
    actions = [steering.next_action(wait=False) for _ in range(executions + 1)]
    assert actions == [*executions * [Action.TRAIN], Action.PAUSE]


def test_a_checkpoint_is_saved_once_even_while_paused(steering: RecordedSteering) -> None:
    steering.handle(Pause(by=BY))
    steering.handle(SaveCheckpoint(by=BY))
    assert steering.next_action(wait=True) is Action.SAVE_CHECKPOINT
    assert steering.next_action(wait=False) is Action.PAUSE


def test_a_stop_ends_a_pause_and_is_recorded_once(steering: RecordedSteering) -> None:
    for request in (Pause(by=BY), Stop(by=BY), Stop(by=BY)):
        steering.handle(request)
    assert steering.next_action(wait=True) is Action.STOP
    assert steering.next_action(wait=False) is Action.STOP
    assert [setting for setting, _ in steering.changes()] == ["pause", "stop"]


def test_a_rollback_happens_once_and_has_an_origin(steering: RecordedSteering) -> None:
    steering.handle(RollBack(by=BY))
    assert steering.next_action(wait=False) is Action.ROLL_BACK
    assert steering.origin == BY
    assert steering.next_action(wait=False) is Action.TRAIN


def test_settings_change_the_state_of_the_checkpoints(steering: RecordedSteering) -> None:
    steering.handle(SetEpochs(by=BY, change=1))
    steering.handle(SetLearningRate(by=BY, factor=0.5))
    steering.handle(SetLearningRate(by=BY, value=0.002, factor=2))
    steering.handle(SetEarlyStopping(by=BY, rule="loss:2"))
    assert steering.settings() == (4, 0.004, "loss:2")
    assert steering.changes() == [
        ("epochs", "4"),
        ("learning_rate", "0.005"),
        ("learning_rate", "0.004"),
        ("early_stopping", "loss:2"),
    ]
    assert all(isinstance(event, SettingChanged) and event.step == 25 for event in steering.events)


@pytest.mark.parametrize(
    "change",
    [
        lambda steering: steering.handle(SetLearningRate(by=BY, value=1 / 3)),
        lambda steering: steering.handle(SetLearningRate(by=BY, factor=1 / 3)),
        lambda steering: steering.scale_learning_rate(1 / 3, BY),
        lambda steering: steering.scale_learning_rate(1e-9, BY),
    ],
)
def test_the_recorded_learning_rate_is_the_one_in_use(
    steering: RecordedSteering, change: Callable[[Steering], object]
) -> None:
    change(steering)
    history = History(samples.record())
    history.apply_all([event for event in steering.events if isinstance(event, SettingChanged)])
    assert history.max_learning_rate == steering.state.max_learning_rate != 0.01


@pytest.mark.parametrize(
    ("request_sent", "reason"),
    [
        (SetEpochs(by=BY, epochs=1), "epoch 2 .* at least 2"),
        (SetEpochs(by=BY, change=-2), "at least 2"),
        (SetEpochs(by=BY, epochs=10**9), "at most 10,000"),
        (SetLearningRate(by=BY, value=float("nan")), "out of range"),
        (SetLearningRate(by=BY, value=1e9), "out of range"),
        (SetLearningRate(by=BY, factor=0.0), "out of range"),
        (SetEarlyStopping(by=BY, rule="often"), "early_stopping 'often'"),
        (SetUntil(by=BY, target="accuracy:101"), "until 'accuracy:101'"),
        (SetUntil(by=BY, target="loss:0.03"), "label smoothing"),
        (Step(by=BY, count=0), "out of range"),
        (Continue(by=BY), "not paused"),
    ],
    ids=repr,
)
def test_a_rejected_request_changes_nothing(steering: RecordedSteering, request_sent: Request, reason: str) -> None:
    steering.lowest_loss = 0.5
    with pytest.raises(RequestError, match=reason):
        steering.handle(request_sent)
    assert not steering.events
    assert steering.settings() == (3, 0.01, "off")


def test_a_second_pause_is_rejected(steering: RecordedSteering) -> None:
    steering.handle(Pause(by=BY))
    with pytest.raises(RequestError, match="already paused"):
        steering.handle(Pause(by=BY))


def test_an_ensemble_keeps_its_epochs(steering: RecordedSteering) -> None:
    steering.is_ensemble = True
    for request in (
        SetEpochs(by=BY, change=1),
        SetEarlyStopping(by=BY, rule="loss:2"),
        SetUntil(by=BY, target="loss:1"),
    ):
        with pytest.raises(RequestError, match="ensemble"):
            steering.handle(request)


@pytest.mark.parametrize(
    ("decision", "action"),
    [
        (Continue(by=BY), Action.TRAIN),
        (RollBack(by=BY), Action.ROLL_BACK),
        (Stop(by=BY), Action.STOP),
        (None, Action.PAUSE),
    ],
    ids=["continue", "roll back", "stop", "the last viewer leaves"],
)
def test_a_diverged_loss_waits_for_a_decision(
    steering: RecordedSteering, decision: Request | None, action: Action
) -> None:
    def decide() -> None:
        if decision is None:
            steering.set_viewers(0)
        else:
            steering.handle(decision)

    steering.set_viewers(1)
    assert in_thread(steering.wait_for_decision, lambda: steering.awaiting_decision, decide) is action


@pytest.mark.parametrize(
    ("progress", "requests", "is_early", "reason"),
    [
        ({"epoch": 3, "step": 60}, [], False, EndReason.COMPLETED),
        ({"epoch": 3, "step": 60}, [Stop(by=BY)], False, EndReason.COMPLETED),
        ({"epoch": 3, "step": 60}, [SetEpochs(by=BY, change=1)], False, None),
        ({"epoch": 1, "batch": 5, "step": 25}, [], False, None),
        ({"epoch": 1, "step": 20}, [], True, EndReason.EARLY),
        ({"epoch": 1, "batch": 5, "step": 25}, [Stop(by=BY)], False, EndReason.STOPPED),
        ({}, [Stop(by=BY)], False, None),
        ({"epoch": 1, "step": 20, "until": "accuracy:90", "figures": FIGURES}, [], False, EndReason.TARGET),
        ({"epoch": 3, "step": 60, "until": "accuracy:90", "figures": FIGURES}, [], True, EndReason.TARGET),
        ({"epoch": 1, "step": 20, "until": "accuracy:91", "figures": FIGURES}, [], False, None),
        ({"epoch": 1, "step": 20, "until": "loss:1", "figures": FIGURES}, [], False, None),
        (
            {"epoch": 1, "step": 20, "figures": FIGURES},
            [SetUntil(by=BY, target="accuracy:89")],
            False,
            EndReason.TARGET,
        ),
        ({"epoch": 1, "batch": 5, "step": 25, "until": "accuracy:90", "figures": FIGURES}, [], False, None),
    ],
)
def test_a_training_ends_for_a_reason(
    progress: dict[str, object], requests: list[Request], is_early: bool, reason: EndReason | None
) -> None:
    steering = RecordedSteering(**progress)
    for request in requests:
        steering.handle(request)
    assert steering.end_reason(is_early=is_early) is reason
    assert steering.ended == (reason is not None)


def test_epochs_that_are_added_after_a_met_target_are_trained(ended: RecordedSteering) -> None:
    ended.state.until, ended.state.figures = "accuracy:90", FIGURES
    assert ended.end_reason(is_early=False) is EndReason.TARGET
    ended.handle(SetEpochs(by=BY, change=1))
    assert ended.changes() == [("epochs", "4"), ("until", "off")]
    assert ended.wait_after_end() is Action.TRAIN_ON
    assert ended.end_reason(is_early=False) is None


class TestDuringTheTest:
    """The training has ended, and the engine does not wait yet."""

    @pytest.fixture
    def testing(self, ended: RecordedSteering) -> RecordedSteering:
        assert ended.end_reason(is_early=False) is EndReason.COMPLETED
        return ended

    def test_added_epochs_are_trained_after_the_test(self, testing: RecordedSteering) -> None:
        testing.handle(SetEpochs(by=BY, change=1))
        assert testing.changes() == [("epochs", "4")]
        assert testing.wait_after_end() is Action.TRAIN_ON
        assert testing.end_reason(is_early=False) is None

    @pytest.mark.parametrize(
        "late",
        [
            Pause(by=BY),
            Step(by=BY),
            SetLearningRate(by=BY, factor=0.5),
            SetEarlyStopping(by=BY, rule="loss:2"),
            SaveCheckpoint(by=BY),
            RollBack(by=BY),
        ],
        ids=repr,
    )
    def test_what_comes_too_late_is_rejected(self, testing: RecordedSteering, late: Request) -> None:
        with pytest.raises(RequestError, match="has ended"):
            testing.handle(late)
        assert not testing.events

    def test_a_stop_has_nothing_to_do(self, testing: RecordedSteering) -> None:
        testing.handle(Stop(by=BY))
        testing.handle(SetEpochs(by=BY, change=1))
        assert testing.wait_after_end() is Action.TRAIN_ON
        assert testing.next_action(wait=False) is Action.TRAIN


class TestAfterTheEnd:
    """The engine waits for explain requests and more epochs."""

    def test_without_viewers_it_exits(self, ended: RecordedSteering) -> None:
        assert ended.wait_after_end() is Action.EXIT

    def test_it_trains_on_with_more_epochs(self, ended: RecordedSteering) -> None:
        def extend() -> None:
            with pytest.raises(RequestError, match="has ended"):
                ended.handle(Pause(by=BY))
            with pytest.raises(RequestError, match="epochs done: 3"):
                ended.handle(SetEpochs(by=BY, epochs=3))
            ended.handle(SetEpochs(by=BY, change=1))

        ended.set_viewers(1)
        assert not ended.trains_on
        assert in_thread(ended.wait_after_end, lambda: ended.ended, extend) is Action.TRAIN_ON
        assert ended.origin == BY
        assert ended.next_action(wait=False) is Action.TRAIN

    def test_it_exits_when_the_last_viewer_leaves(self, ended: RecordedSteering) -> None:
        ended.set_viewers(2)
        leave = [lambda: ended.set_viewers(1), lambda: ended.set_viewers(0)]
        assert in_thread(ended.wait_after_end, lambda: ended.ended, *leave) is Action.EXIT
        with pytest.raises(RequestError, match="about to exit"):
            ended.handle(SetEpochs(by=BY, change=1))
        with pytest.raises(RequestError, match="has ended"):
            ended.handle(SetLearningRate(by=BY, factor=0.5))

    def test_a_viewer_that_has_left_is_not_waited_for(self, ended: RecordedSteering) -> None:
        ended.set_viewers(1)
        ended.set_viewers(0)
        assert ended.wait_after_end(patience=3_600) is Action.EXIT

    def test_the_first_viewer_is_waited_for_once(self, ended: RecordedSteering) -> None:
        ended.handle(Explain(split="test", index=3))
        assert ended.wait_after_end(patience=3_600) is Action.EXPLAIN
        ended.drop_explanation()
        assert ended.wait_after_end(patience=3_600) is Action.EXIT

    def test_it_exits_in_spite_of_viewers_when_none_asks_for_long(self, ended: RecordedSteering) -> None:
        ended.set_viewers(1)
        assert ended.wait_after_end(idle=0.01) is Action.EXIT

    def test_it_explains(self, ended: RecordedSteering) -> None:
        ended.set_viewers(1)
        ended.handle(Explain(split="test", index=3))
        assert ended.wait_after_end() is Action.EXPLAIN


def test_explanations_are_pending_until_they_are_dropped(steering: RecordedSteering) -> None:
    explain = Explain(split="validation", index=3)
    assert steering.handle(explain) is not None
    assert steering.next_action(wait=False) is Action.EXPLAIN
    assert steering.next_action(wait=False, explain=False) is Action.TRAIN
    assert steering.pending_explanation.request == explain
    steering.drop_explanation()
    assert steering.next_action(wait=False) is Action.TRAIN
    assert not steering.events


def test_too_many_pending_explanations_are_rejected(steering: RecordedSteering) -> None:
    for index in range(MAX_PENDING_EXPLANATIONS):
        steering.handle(Explain(split="test", index=index))
    with pytest.raises(RequestError, match="pending"):
        steering.handle(Explain(split="test", index=99))


def test_a_paused_training_looks_around_from_time_to_time(
    steering: RecordedSteering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering_module, "LOOK_SECONDS", 0.001)
    steering.handle(Pause(by=BY))
    assert steering.next_action(wait=True) is Action.PAUSE
    assert steering.next_action(wait=True) is Action.PAUSE


def test_a_stop_ends_the_attempts_to_save(steering: RecordedSteering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering_module, "RETRY_SECONDS", 0.001)
    attempts: list[bool] = []

    def is_over() -> bool:
        attempts.append(steering.is_retrying)
        if len(attempts) == 3:
            steering.handle(Stop(by=BY))
        return False

    steering.retry_until(is_over)
    assert attempts == [False, True, True]
    assert not steering.is_retrying
    steering.retry_until(is_over)
    assert len(attempts) == 4  # the engine exits without waiting again
