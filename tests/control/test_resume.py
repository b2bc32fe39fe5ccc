"""Resuming of ended runs: whether it works, and how many epochs are planned."""

import time
from dataclasses import replace

import msgspec
import pytest

from mnist_tui.cluster import Cluster
from mnist_tui.config import DataFacts
from mnist_tui.control import client, resume
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.control.resume import resume_run
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EndReason, Phase, RunEnded, RunFailed
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from mnist_tui.settings import Catalogue
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine

EPOCH = 5  # steps
STARTED = samples.run_started(steps_per_epoch=EPOCH, train_count=500)
Resumed = list[tuple[str, int | None]]


def steps(last: int) -> list[AnyEvent]:
    return [STARTED, *(samples.step_ended(step) for step in range(1, last + 1))]


FINISHED = [*steps(3 * EPOCH), samples.run_ended()]
GIVEN_AN_EPOCH = [*FINISHED, samples.setting_changed("epochs", "4")]
TARGET_MET = [*steps(2 * EPOCH), samples.run_ended(EndReason.TARGET)]
ENDED_EARLY = [*steps(2 * EPOCH), samples.run_ended(EndReason.EARLY)]
STOPPED = [*steps(EPOCH + 2), samples.run_ended(EndReason.STOPPED)]
STOPPED_BETWEEN_EPOCHS = [*steps(2 * EPOCH), samples.run_ended(EndReason.STOPPED)]
KILLED = [*steps(7), samples.run_ended(EndReason.KILLED, test_accuracy=None)]
CRASHED = steps(7)
FAILED = [*steps(7), RunFailed(time=samples.CREATED + 90, error="out of memory")]


def run_with(events: list[AnyEvent]) -> RunDirectory:
    run = create_run(samples.config(epochs=3))
    run.events_path.write_bytes(b"".join(map(encode, events)))
    return run


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> Resumed:
    """The origin and the planned epochs of each new engine."""
    calls: Resumed = []

    def stand_in(_: RunDirectory, by: str, epochs: int | None, cluster: Cluster | None, **options: bool) -> None:
        assert (cluster, set(options)) == (None, {"accept_changed_data", "on_end"})
        calls.append((by, epochs))

    monkeypatch.setattr(client, "resume", stand_in)
    return calls


@pytest.mark.parametrize(
    ("events", "epochs", "more", "planned"),
    [
        (CRASHED, None, 0, None),
        (FAILED, None, 0, None),
        (STOPPED, None, 0, None),
        (KILLED, None, 0, None),
        ([], None, 0, None),
        (CRASHED, 2, 0, 2),
        (CRASHED, 12, 0, 12),
        (CRASHED, None, 2, 5),
        (STOPPED, None, 2, 5),
        (STOPPED_BETWEEN_EPOCHS, 2, 0, 2),
        (FINISHED, 4, 0, 4),
        (GIVEN_AN_EPOCH, None, 0, None),
        (GIVEN_AN_EPOCH, None, 2, 6),
        (FINISHED, None, 2, 5),
        (ENDED_EARLY, 3, 0, 3),
        (ENDED_EARLY, None, 2, 4),
        ([], 1, 0, 1),
    ],
)
def test_an_ended_run_is_resumed(
    events: list[AnyEvent], epochs: int | None, more: int, planned: int | None, resumed: Resumed
) -> None:
    sentence = resume_run(run_with(events), "ada", samples.catalogue(), epochs=epochs, more=more)
    assert resumed == [("ada", planned)]
    assert f"to the end of epoch {planned or (4 if events is GIVEN_AN_EPOCH else 3)}." in sentence
    was_tested = any(isinstance(event, RunEnded) and event.test_accuracy is not None for event in events)
    assert ("no longer unseen" in sentence) == was_tested


@pytest.mark.parametrize(
    ("events", "epochs", "more", "reason"),
    [
        (FINISHED, None, 0, "is finished (epochs done: 3): give --epochs N to train on"),
        (TARGET_MET, None, 0, "is finished (epochs done: 2)"),
        (ENDED_EARLY, None, 0, "is finished (epochs done: 2): give --epochs N to train on"),
        (FINISHED, 3, 0, "--epochs 3 is too few for run {id} (epochs done: 3): give at least 4"),
        (FINISHED, 1, 0, "--epochs 1 is too few for run {id} (epochs done: 3): give at least 4"),
        (STOPPED, 1, 0, "--epochs 1 is too few for run {id} (epoch 2 is under way): give at least 2"),
        (STOPPED_BETWEEN_EPOCHS, 1, 0, "--epochs 1 is too few for run {id} (epochs done: 2): give at least 2"),
        (FINISHED, None, 10_000, "--epochs 10,003 is out of range for run {id}: give at most 10,000"),
    ],
)
def test_a_run_with_nothing_left_to_train_is_an_error(
    events: list[AnyEvent], epochs: int | None, more: int, reason: str, resumed: Resumed
) -> None:
    run = run_with(events)
    with pytest.raises(RunError) as caught:
        resume_run(run, "ada", samples.catalogue(), epochs=epochs, more=more)
    assert reason.format(id=run.id) in str(caught.value)
    assert resumed == []


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "is starting: use `mnist-tui attach {id}`"),
        (CRASHED, "is training: use `mnist-tui attach {id}`"),
        ([*CRASHED, samples.phase_changed(Phase.PAUSED, 60)], "is paused: use `mnist-tui continue {id}`"),
        ([*FINISHED, samples.run_resumed(15)], "is training: "),
    ],
)
@pytest.mark.parametrize("epochs", [None, 12])
def test_a_live_run_is_an_error(events: list[AnyEvent], reason: str, epochs: int | None, resumed: Resumed) -> None:
    run = run_with(events)
    with FakeEngine(run) as engine, pytest.raises(RunError) as caught:
        resume_run(run, "ada", samples.catalogue(), epochs=epochs)
    assert reason.format(id=run.id) in str(caught.value)
    assert (resumed, engine.sent()) == ([], [])


@pytest.mark.parametrize(
    ("events", "epochs", "more", "wanted"),
    [(FINISHED, 5, 0, 5), (FINISHED, None, 1, 4), (STOPPED, None, 0, 3), (STOPPED, 2, 0, 2), (STOPPED, None, 1, 4)],
)
def test_a_waiting_engine_trains_on(
    events: list[AnyEvent], epochs: int | None, more: int, wanted: int, resumed: Resumed
) -> None:
    run = run_with(events)
    with FakeEngine(run) as engine:
        resume_run(run, "ada", samples.catalogue(), epochs=epochs, more=more)
        assert engine.sent() == [SetEpochs(by="ada", epochs=wanted)]
    assert resumed == []


def test_a_waiting_engine_needs_an_epoch_to_train() -> None:
    run = run_with(STOPPED_BETWEEN_EPOCHS)
    with FakeEngine(run) as engine:
        with pytest.raises(RunError, match="--epochs 2 is too few"):
            resume_run(run, "ada", samples.catalogue(), epochs=2)
        assert engine.sent() == []


@pytest.mark.parametrize("events", [FINISHED, KILLED, FAILED], ids=["finished", "killed", "failed"])
def test_an_exiting_engine_is_replaced(
    events: list[AnyEvent], resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with(events)
    with FakeEngine(run) as engine:
        engine.reply = b'{"ok":false,"error":"the engine is about to end: resume the run instead"}\n'
        monkeypatch.setattr(time, "sleep", lambda _: engine.die())
        resume_run(run, "ada", samples.catalogue(), epochs=7)
    assert resumed == [("ada", 7)]


def test_a_rejection_by_an_engine_that_stays_is_an_error(resumed: Resumed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "EXIT_SECONDS", 0.0)
    run = run_with(FINISHED)
    with FakeEngine(run) as engine:
        engine.reply = b'{"ok":false,"error":"not today"}\n'
        with pytest.raises(RunError, match="not today"):
            resume_run(run, "ada", samples.catalogue(), epochs=7)
    assert resumed == []


def catalogue(checksum: str) -> Catalogue:
    return replace(samples.catalogue(), read_data=lambda _: DataFacts(checksum, 10))


def run_on_data(checksum: str | None, events: list[AnyEvent] = CRASHED) -> RunDirectory:
    run = run_with(events)
    run.write_record(msgspec.structs.replace(run.record(), data_checksum=checksum))
    return run


@pytest.mark.parametrize("before", ["one", None], ids=["unchanged", "not read yet"])
def test_a_run_on_the_same_data_is_resumed(before: str | None, resumed: Resumed) -> None:
    resume_run(run_on_data(before), "ada", catalogue("one"))
    assert resumed == [("ada", None)]


def test_changed_data_are_refused_until_the_user_accepts_them(resumed: Resumed) -> None:
    run = run_on_data("one")
    with pytest.raises(RunError, match=f"mnist has changed since .*`mnist-tui resume {run.id} --accept-changed-data`"):
        resume_run(run, "ada", catalogue("other"))
    assert resumed == []
    resume_run(run, "ada", catalogue("other"), accept_changed_data=True)
    assert resumed == [("ada", None)]


@pytest.mark.parametrize(
    ("facts", "now"),
    [
        (DataFacts("other", 12), "12 classes and images of 28x28 grey"),
        (DataFacts("other", 10, (28, 32, 3)), "10 classes and images of 28x32 RGB"),
    ],
    ids=["classes", "images"],
)
def test_data_with_other_classes_or_images_are_refused_though_accepted(
    facts: DataFacts, now: str, resumed: Resumed
) -> None:
    before = "10 classes and images of 28x28 grey"
    with pytest.raises(RunError, match=f"mnist has {now} now, .* with {before}: start a new run"):
        resume_run(
            run_on_data("one"),
            "ada",
            replace(samples.catalogue(), read_data=lambda _: facts),
            accept_changed_data=True,
        )
    assert resumed == []


def test_a_waiting_engine_needs_no_data() -> None:
    run = run_on_data("one", FINISHED)
    with FakeEngine(run) as engine:
        resume_run(run, "ada", catalogue("other"), more=1)
        assert engine.sent() == [SetEpochs(by="ada", epochs=4)]


def test_an_unreadable_run_is_an_error(resumed: Resumed) -> None:
    run = run_with(CRASHED)
    run.config_path.write_bytes(b"{")
    with pytest.raises(RunError, match="cannot be read"):
        resume_run(run, "ada", samples.catalogue())
    assert resumed == []


@pytest.mark.parametrize(
    ("field", "value"), [("preset", "vit"), ("ensemble", "fast,vit"), ("optimizer", "lion"), ("precision", "fp8")]
)
def test_a_run_of_another_version_is_refused_before_an_engine_starts(field: str, value: str, resumed: Resumed) -> None:
    run = run_with(CRASHED)
    record = run.record()
    run.write_record(msgspec.structs.replace(record, config=msgspec.structs.replace(record.config, **{field: value})))
    with pytest.raises(RunError, match=rf"cannot be resumed here: \w+ '{value.split(',')[-1]}' is not known"):
        resume_run(run, "ada", samples.catalogue())
    assert resumed == []
