"""What people may ask for and when, without an engine: the training thread's side is called by the test."""

import threading

import pytest

from mnist_tui.control.protocol import (
    AnyRequest,
    Continue,
    Explain,
    Pause,
    Ping,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service.server import Refused
from mnist_tui.engine.service.steering import MOST_QUESTIONS, Order, Steering
from mnist_tui.events import Event, SettingChanged

BY = "a test"


class Desk(Steering):
    """A steering that keeps what it recorded."""

    def __init__(self, **state: object) -> None:
        self.events: list[Event] = []
        settings = {"epochs_planned": 3, "max_learning_rate": 0.01, "early_stopping": "off"} | state
        super().__init__(TrainingState(**settings), self.events.append)  # type: ignore[arg-type]

    def recorded(self) -> list[tuple[str, str]]:
        assert all(isinstance(event, SettingChanged) and event.by == BY for event in self.events)
        return [(event.setting, event.value) for event in self.events if isinstance(event, SettingChanged)]


@pytest.fixture
def desk() -> Desk:
    """In the second of three epochs."""
    return Desk(epoch=1, batch=5, step=25)


def test_without_wishes_training_goes_on(desk: Desk) -> None:
    assert desk.next_order(wait=False) is Order.GO
    desk.handle(Ping())
    assert desk.next_order(wait=False) is Order.GO
    assert not desk.events


def test_a_pause_holds_until_it_is_ended(desk: Desk) -> None:
    desk.handle(Pause(by=BY))
    assert desk.next_order(wait=False) is Order.STAND_STILL
    orders: list[Order] = []
    waiting = threading.Thread(target=lambda: orders.append(desk.next_order(wait=True)))
    waiting.start()
    desk.handle(Continue(by=BY))
    waiting.join(10)
    assert orders == [Order.GO]
    assert desk.recorded() == [("pause", "after this batch"), ("continue", "training")]


@pytest.mark.parametrize("paused_first", [True, False])
def test_steps_are_trained_one_by_one_and_no_more(desk: Desk, paused_first: bool) -> None:
    if paused_first:
        desk.handle(Pause(by=BY))
    desk.handle(Step(by=BY, count=2))
    assert [desk.next_order(wait=False) for _ in range(3)] == [Order.GO, Order.GO, Order.STAND_STILL]


def test_single_steps_are_rounded_up_to_those_that_are_taken_at_once(desk: Desk) -> None:
    desk.stride = 4
    desk.handle(Step(by=BY, count=5))
    assert [desk.next_order(wait=False) for _ in range(3)] == [Order.GO, Order.GO, Order.STAND_STILL]
    desk.handle(Step(by=BY, count=4))
    assert [desk.next_order(wait=False) for _ in range(2)] == [Order.GO, Order.STAND_STILL]


def test_a_checkpoint_can_be_asked_for_while_paused(desk: Desk) -> None:
    desk.handle(Pause(by=BY))
    desk.handle(SaveCheckpoint(by=BY))
    assert desk.next_order(wait=True) is Order.SAVE
    assert desk.next_order(wait=False) is Order.STAND_STILL


def test_a_stop_ends_a_pause_and_stays(desk: Desk) -> None:
    desk.handle(Pause(by=BY))
    desk.handle(Stop(by=BY))
    desk.handle(Stop(by=BY))
    assert desk.next_order(wait=True) is Order.STOP
    assert desk.next_order(wait=False) is Order.STOP
    assert desk.recorded() == [("pause", "after this batch"), ("stop", "after this batch")]


def test_a_roll_back_is_carried_out_once_and_says_who_wanted_it(desk: Desk) -> None:
    desk.handle(RollBack(by=BY))
    assert desk.next_order(wait=False) is Order.ROLL_BACK
    assert desk.take_roll_back() == BY
    assert desk.next_order(wait=False) is Order.GO


def test_settings_change_the_state_that_checkpoints_keep(desk: Desk) -> None:
    desk.handle(SetEpochs(by=BY, change=1))
    desk.handle(SetLearningRate(by=BY, factor=0.5))
    desk.handle(SetLearningRate(by=BY, value=0.002, factor=2))
    desk.handle(SetEarlyStopping(by=BY, rule="loss:2"))
    assert (desk.state.epochs_planned, desk.state.max_learning_rate, desk.state.early_stopping) == (4, 0.004, "loss:2")
    assert desk.recorded() == [
        ("epochs", "4"),
        ("learning_rate", "0.005"),
        ("learning_rate", "0.004"),
        ("early_stopping", "loss:2"),
    ]
    assert all(isinstance(event, SettingChanged) and event.step == 25 for event in desk.events)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (SetEpochs(by=BY, epochs=1), "epoch 2 is under way, give at least 2"),
        (SetEpochs(by=BY, change=-2), "give at least 2"),
        (SetEpochs(by=BY, epochs=10**9), "at most 10,000"),
        (SetLearningRate(by=BY, value=float("nan")), "out of range"),
        (SetLearningRate(by=BY, value=1e9), "out of range"),
        (SetLearningRate(by=BY, factor=0.0), "out of range"),
        (SetEarlyStopping(by=BY, rule="often"), "cannot be used"),
        (Step(by=BY, count=0), "cannot be taken"),
        (Continue(by=BY), "not paused"),
    ],
    ids=repr,
)
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(desk: Desk, wish: AnyRequest, words: str) -> None:
    with pytest.raises(Refused, match=words):
        desk.handle(wish)
    assert not desk.events
    assert (desk.state.epochs_planned, desk.state.max_learning_rate, desk.state.early_stopping) == (3, 0.01, "off")


def test_pausing_twice_is_refused(desk: Desk) -> None:
    desk.handle(Pause(by=BY))
    with pytest.raises(Refused, match="paused already"):
        desk.handle(Pause(by=BY))


class TestDecision:
    """A loss that is not finite."""

    def decide(self, desk: Desk, *wishes: AnyRequest) -> Order:
        desk.set_viewers(1)
        orders: list[Order] = []
        waiting = threading.Thread(target=lambda: orders.append(desk.decide()))
        waiting.start()
        while not desk.deciding:
            pass
        for wish in wishes:
            desk.handle(wish)
        if not wishes:
            desk.set_viewers(0)
        waiting.join(10)
        assert not waiting.is_alive()
        return orders[0]

    def test_can_be_to_go_on(self, desk: Desk) -> None:
        assert self.decide(desk, Continue(by=BY)) is Order.GO

    def test_can_be_to_roll_back(self, desk: Desk) -> None:
        assert self.decide(desk, RollBack(by=BY)) is Order.ROLL_BACK

    def test_can_be_to_stop(self, desk: Desk) -> None:
        assert self.decide(desk, Stop(by=BY)) is Order.STOP

    def test_is_left_to_the_program_when_the_last_screen_leaves(self, desk: Desk) -> None:
        assert self.decide(desk) is Order.STAND_STILL


class TestAfterTheEnd:
    """The engine is still there."""

    def wait(self, desk: Desk, viewers: int) -> tuple[threading.Thread, list[Order]]:
        desk.set_viewers(viewers)
        orders: list[Order] = []
        waiting = threading.Thread(target=lambda: orders.append(desk.order_after_end()))
        waiting.start()
        return waiting, orders

    def test_nobody_watches_so_it_ends(self) -> None:
        waiting, orders = self.wait(Desk(epoch=3, step=60), viewers=0)
        waiting.join(10)
        assert orders == [Order.END]

    def test_more_epochs_let_it_train_on(self) -> None:
        desk = Desk(epoch=3, step=60)
        waiting, orders = self.wait(desk, viewers=1)
        while not desk.over:
            pass
        with pytest.raises(Refused, match="the training is over"):
            desk.handle(Pause(by=BY))
        with pytest.raises(Refused, match="3 are done"):
            desk.handle(SetEpochs(by=BY, epochs=3))
        desk.handle(SetEpochs(by=BY, change=1))
        waiting.join(10)
        assert orders == [Order.TRAIN_ON]
        assert desk.take_train_on() == BY
        assert desk.next_order(wait=False) is Order.GO

    def test_the_last_screen_leaves(self) -> None:
        desk = Desk(epoch=3, step=60)
        waiting, orders = self.wait(desk, viewers=2)
        desk.set_viewers(1)
        assert waiting.is_alive()
        desk.set_viewers(0)
        waiting.join(10)
        assert orders == [Order.END]
        with pytest.raises(Refused, match="about to end"):
            desk.handle(SetEpochs(by=BY, change=1))


class TestQuestions:
    """About single digits."""

    def test_wait_for_a_moment_between_two_batches_and_take_only_one(self, desk: Desk) -> None:
        answer = desk.handle(Explain(split="validation", index=3))
        assert answer is not None
        assert desk.next_order(wait=False) is Order.ANSWER
        assert desk.next_order(wait=False, questions=False) is Order.GO
        assert desk.question.request.index == 3
        desk.drop_question()
        assert desk.next_order(wait=False) is Order.GO
        assert not desk.events

    def test_are_answered_after_the_end(self) -> None:
        desk = Desk(epoch=3, step=60)
        desk.set_viewers(1)
        desk.handle(Explain(split="test", index=3))
        assert desk.order_after_end() is Order.ANSWER

    def test_too_many_at_once_are_refused(self, desk: Desk) -> None:
        for index in range(MOST_QUESTIONS):
            desk.handle(Explain(split="test", index=index))
        with pytest.raises(Refused, match="wait already"):
            desk.handle(Explain(split="test", index=99))
