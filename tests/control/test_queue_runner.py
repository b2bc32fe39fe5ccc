"""The queue's runner: which run starts when, what it notes, and how it goes on after a crash. Without real engines."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.control import queue_runner
from mnist_tui.control.queue_runner import MAX_RESUMES, Runner
from mnist_tui.event_lines import encode
from mnist_tui.events import EndReason, RunEnded, RunFailed
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, home
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import Entry, State
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine


@dataclass
class Engines:
    """Fake engines of the runs that a runner starts."""

    stack: contextlib.ExitStack
    gpus: int = 0
    live: dict[int, FakeEngine] = field(default_factory=dict)
    """Engines by the entry's number."""
    devices: dict[int, str] = field(default_factory=dict)
    resumed: list[str] = field(default_factory=list)
    prepared: list[Entry] = field(default_factory=list)
    error: Exception | None = None
    """Error of the next launch."""

    def launch(self, entry: Entry, device: str) -> RunDirectory:
        error, self.error = self.error, None
        if error is not None:
            raise error
        config = samples.config(device=device or entry.settings.get("device", "auto"))
        run = create_run(config, queued=entry.key, tags=entry.tags)
        self.hold(entry.number, run)
        self.devices[entry.number] = device
        return run

    def hold(self, number: int, run: RunDirectory) -> FakeEngine:
        run.events_path.write_bytes(encode(samples.run_started()))
        self.live[number] = self.stack.enter_context(FakeEngine(run))
        return self.live[number]

    def resume(self, run: RunDirectory) -> None:
        self.resumed.append(run.id)
        self.hold(0, run)

    def end(self, number: int, *, reason: EndReason = EndReason.COMPLETED, lingers: bool = False) -> None:
        engine = self.live[number]
        event = RunEnded(time=time.time(), reason=reason, best_epoch=1, test_loss=0.1, test_accuracy=0.99)
        with engine.run.events_path.open("ab") as events:
            events.write(encode(event))
        if not lingers:
            engine.die()

    def fail(self, number: int) -> None:
        with self.live[number].run.events_path.open("ab") as events:
            events.write(encode(RunFailed(time=time.time(), error="out of memory")))
        self.live[number].die()

    def runner(self) -> Runner:
        return Runner(Queue(), self.launch, self.resume, self.prepared.append, self.gpus)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_runner, "WAITING_SECONDS", 0.0)


@pytest.fixture
def engines() -> Iterator[Engines]:
    with contextlib.ExitStack() as stack:
        yield Engines(stack)


def add(*settings: dict[str, str]) -> None:
    Queue().add(settings)


def states() -> dict[int, State]:
    return {entry.number: entry.state for entry in Queue().read().entries}


def entry(number: int) -> Entry:
    return next(each for each in Queue().read().entries if each.number == number)


def test_one_run_trains_at_a_time_and_the_next_follows_whatever_becomes_of_it(engines: Engines) -> None:
    add({}, {}, {}, {}, {})
    runner = engines.runner()
    runner.round()
    assert states() == {1: State.RUNNING} | dict.fromkeys((2, 3, 4, 5), State.WAITING)
    runner.round()
    assert list(engines.live) == [1]
    engines.fail(1)
    runner.round()
    engines.live[2].die()  # as by kill -9
    runner.round()
    engines.end(3, reason=EndReason.STOPPED)
    runner.round()
    engines.end(4, lingers=True)  # a screen is attached
    runner.round()
    assert list(engines.live) == [1, 2, 3, 4, 5]
    engines.end(5)
    assert runner.round()
    assert not runner.round()
    ended = (State.FAILED, State.CRASHED, State.STOPPED, State.FINISHED, State.FINISHED)
    assert states() == dict(enumerate(ended, 1))
    assert entry(1).error == "out of memory"


def test_a_run_that_cannot_start_keeps_no_other_from_it(engines: Engines) -> None:
    add({"data": "gone.npz"}, {})
    engines.error = ConfigError("data 'gone.npz' names no file")
    engines.runner().round()
    assert states() == {1: State.FAILED, 2: State.RUNNING}
    assert "gone.npz" in entry(1).error


def test_runs_carry_the_group_as_a_tag(engines: Engines) -> None:
    Queue().add([{}], "sweep")
    engines.runner().round()
    assert '"sweep"' in (engines.live[1].run.path / "about.json").read_text()


def test_the_next_run_is_prepared_once_while_one_trains(engines: Engines) -> None:
    add({}, {}, {})
    runner = engines.runner()
    runner.round()
    runner.round()
    assert engines.prepared == [], "the first one starts up itself"
    with engines.live[1].run.events_path.open("ab") as events:
        events.write(encode(samples.step_ended()))
    for _ in range(3):
        runner.round()
    assert [entry.number for entry in engines.prepared] == [2]


def test_every_gpu_trains_a_run(engines: Engines) -> None:
    engines.gpus = 2
    add({}, {"device": "gpu:1"}, {}, {"device": "cpu"}, {"device": "gpu:0,1"}, {})
    runner = engines.runner()
    runner.round()
    assert engines.devices == {1: "gpu:0", 2: "", 4: ""}
    engines.end(2)
    runner.round()
    assert engines.devices == {1: "gpu:0", 2: "", 4: "", 3: "gpu:1"}


def test_a_run_that_the_queue_did_not_start_keeps_its_device(engines: Engines) -> None:
    other = create_run(samples.config(name="calm-otter"))
    engines.hold(0, other)
    add({})
    runner = engines.runner()
    assert runner.round()
    assert states() == {1: State.WAITING}
    assert "calm-otter" in runner.hindrance
    engines.end(0, lingers=True)
    runner.round()
    assert states() == {1: State.RUNNING}
    assert not runner.hindrance


def test_a_paused_queue_starts_nothing_but_follows_what_runs(engines: Engines) -> None:
    add({}, {})
    runner = engines.runner()
    runner.round()
    Queue().pause()
    engines.end(1)
    assert runner.round()
    assert not runner.round()
    assert states() == {1: State.FINISHED, 2: State.WAITING}


def test_a_full_disk_is_waited_for(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    add({}, {})
    runner = engines.runner()

    def full() -> None:
        raise RunError("no room: free some space")

    with monkeypatch.context() as disk:
        disk.setattr(queue_runner, "_check_room", full)
        assert runner.round()
        assert states() == {1: State.WAITING, 2: State.WAITING}
        assert "free some space" in runner.hindrance
    runner.round()
    assert states() == {1: State.RUNNING, 2: State.WAITING}


def test_a_disk_that_fills_up_during_the_launch_fails_no_entry(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    add({})
    runner, checks = engines.runner(), iter([None, RunError("no room")])

    def check() -> None:
        error = next(checks)
        if error is not None:
            raise error

    engines.error = RunError("cannot be written")
    with monkeypatch.context() as disk:
        disk.setattr(queue_runner, "_check_room", check)
        runner.round()
    assert states() == {1: State.WAITING}
    runner.round()
    assert states() == {1: State.RUNNING}


def test_an_end_that_cannot_be_noted_is_noted_later(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    add({}, {})
    runner = engines.runner()
    runner.round()
    engines.end(1)

    def refuse(*_: object) -> bool:
        raise RunError("no space left: free some")

    with monkeypatch.context() as disk:
        disk.setattr(Queue, "update", refuse)
        assert runner.round()
    assert states() == {1: State.RUNNING, 2: State.WAITING}
    runner.round()
    runner.round()
    assert states() == {1: State.FINISHED, 2: State.RUNNING}


def claimed(engines: Engines, moment: str) -> RunDirectory | None:
    """Return the run of the first entry as a runner leaves it that is killed at a point."""
    add({}, {})
    queue = Queue()
    first = msgspec.structs.replace(entry(1), state=State.RUNNING)
    queue.update(first)
    if moment == "before its folder":
        return None
    run = create_run(samples.config(), queued=first.key)
    if moment == "before its engine":
        return run
    engine = engines.hold(1, run)
    if moment != "before it is noted":
        queue.update(msgspec.structs.replace(first, run=run.path.name))
    if moment == "with its engine":
        engine.die()
    if moment == "after its end":
        engines.end(1)
    return run


@pytest.mark.parametrize("moment", ["before its folder", "before its engine"])
def test_a_run_that_a_killed_runner_has_not_started_starts_once(engines: Engines, moment: str) -> None:
    claimed(engines, moment)
    runner = engines.runner()
    runner.round()
    runner.round()
    assert states() == {1: State.RUNNING, 2: State.WAITING}
    assert [path.parent for path in home().glob("*/config.json")] == [engines.live[1].run.path]
    assert engines.resumed == []


@pytest.mark.parametrize("moment", ["before it is noted", "while it trains"])
def test_a_run_that_outlived_its_runner_is_followed(engines: Engines, moment: str) -> None:
    run = claimed(engines, moment)
    runner = engines.runner()
    runner.round()
    assert run is not None
    assert entry(1).run == run.path.name
    engines.end(1)
    runner.round()
    assert states() == {1: State.FINISHED, 2: State.RUNNING}
    assert engines.resumed == []


def test_a_run_that_ended_without_a_runner_is_noted(engines: Engines) -> None:
    claimed(engines, "after its end")
    engines.runner().round()
    assert states() == {1: State.FINISHED, 2: State.RUNNING}


def test_a_run_that_died_with_its_runner_is_resumed_but_not_forever(engines: Engines) -> None:
    run = claimed(engines, "with its engine")
    assert run is not None
    for _ in range(MAX_RESUMES):
        runner = engines.runner()
        runner.round()
        assert states() == {1: State.RUNNING, 2: State.WAITING}
        engines.live[0].die()
    engines.runner().round()
    assert engines.resumed == [run.id] * MAX_RESUMES
    assert states() == {1: State.CRASHED, 2: State.RUNNING}


def test_a_run_that_cannot_be_resumed_is_marked_with_the_reason(engines: Engines) -> None:
    claimed(engines, "with its engine")

    def refuse(_: RunDirectory) -> None:
        raise RunError("the data have changed: restore them")

    Runner(Queue(), engines.launch, refuse, lambda _: None, 0).round()
    assert states() == {1: State.CRASHED, 2: State.RUNNING}
    assert "data have changed" in entry(1).error


def test_a_deleted_run_is_marked(engines: Engines) -> None:
    run = claimed(engines, "with its engine")
    assert run is not None
    run.path.rename(run.path.with_name("elsewhere"))
    engines.runner().round()
    assert states() == {1: State.FAILED, 2: State.RUNNING}


def test_the_runner_leaves_an_empty_queue_and_releases_its_lock(home: Path) -> None:
    queue = Queue()
    queue.path.mkdir(parents=True)
    Runner(queue, lambda *_: RunDirectory(home), lambda _: None, lambda _: None, 0).serve(queue.lock.acquire())
    assert queue.state().runner is None
