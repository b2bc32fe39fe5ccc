"""The queue on the home screen: what it lists, its keys, and the key that adds a run. No runner is started."""

from dataclasses import replace

import msgspec
import pytest
from textual.pilot import Pilot

from mnist_tui.control import queue_runner
from mnist_tui.runs.directory import create_run
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import State
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.home.queue_panel import MOST_LISTED, QueueList, QueuePanel
from tests.kit import samples
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.program import program, settled, text, told, wait_for, wait_until


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """Queues whose runner was started."""
    queues: list[Queue] = []
    monkeypatch.setattr(queue_runner, "start_runner", queues.append)
    return queues


def numbers() -> list[int]:
    return [entry.number for entry in Queue().read().of(State.WAITING)]


def home_screen() -> MnistTuiApp:
    return program(None, Clock(finishing_time()))


async def furnished(pilot: Pilot[int]) -> QueuePanel:
    await wait_until(pilot, lambda: bool(pilot.app.screen.query(QueuePanel)), "the queue's panel")
    await settled(pilot)
    return pilot.app.screen.query_one(QueuePanel)


async def test_an_empty_queue_shows_nothing_and_a_key_adds_the_settings_shown(started: list[Queue]) -> None:
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        panel = await furnished(pilot)
        assert not panel.display
        await pilot.press("down", "5", "ctrl+n")  # while a field is edited
        await wait_until(pilot, lambda: bool(numbers()), "an entry")
        await wait_for(pilot, "0 running · 1 waiting")
    (entry,) = Queue().read().entries
    assert entry.settings == {"preset": "fast", "epochs": "5"}
    assert started


async def test_settings_that_cannot_be_used_are_not_queued() -> None:
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        await furnished(pilot)
        await pilot.press("down", "0", "ctrl+n")
        await settled(pilot)
    assert numbers() == []


async def focus_queue(pilot: Pilot[int]) -> None:
    for _ in range(3):
        if pilot.app.screen.query_one(QueueList).has_focus:
            return
        await pilot.press("tab")
        await settled(pilot)
    raise AssertionError(text(pilot.app))


async def test_entries_are_moved_removed_and_paused_by_keys(started: list[Queue]) -> None:
    recorded_run()
    Queue().add({"preset": "fast", "seed": str(seed)} for seed in range(4))
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        await furnished(pilot)
        await focus_queue(pilot)
        await pilot.press("end", "shift+up")
        await wait_until(pilot, lambda: numbers() == [1, 2, 4, 3], "entry 4 before 3")
        await settled(pilot)
        await pilot.press("shift+down")
        await wait_until(pilot, lambda: numbers() == [1, 2, 3, 4], "entry 4 behind 3: the cursor went with it")
        await settled(pilot)
        await pilot.press("delete")
        await wait_until(pilot, lambda: numbers() == [1, 2, 3], "entry 4 removed")
        await pilot.press("p")
        await wait_for(pilot, "paused")
        assert Queue().is_paused
        started.clear()
        await pilot.press("p")
        await wait_until(pilot, lambda: not Queue().is_paused and bool(started), "the queue to go on")


async def test_a_running_entry_opens_its_run_and_cannot_be_removed() -> None:
    run = recorded_run()
    queue = Queue()
    (entry,) = queue.add([{"preset": "fast"}], "sweep")
    queue.update(msgspec.structs.replace(entry, state=State.RUNNING, run=run.path.name))
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        await furnished(pilot)
        await wait_for(pilot, "1 running · 0 waiting")
        await focus_queue(pilot)
        await pilot.press("delete")
        assert len(Queue().read().entries) == 1
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.session is not None, "the run")


async def test_the_runs_of_a_grid_are_compared_by_one_key() -> None:
    for seed in range(3):
        create_run(samples.config(seed=seed), tags=("sweep",))
    create_run(samples.config())
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        await furnished(pilot)
        await wait_for(pilot, "fast")
        await pilot.press("tab", "end", "c")
        await wait_for(pilot, "comparing 3 runs")


async def test_a_restart_is_asked_about(started: list[Queue], monkeypatch: pytest.MonkeyPatch) -> None:
    Queue().add([{}])
    read = Queue.state
    monkeypatch.setattr(Queue, "state", lambda queue: replace(read(queue), is_interrupted=True))
    app = home_screen()
    async with app.run_test(size=(120, 40)) as pilot:
        await furnished(pilot)
        await wait_for(pilot, "p goes on")
        assert started == []


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_long_queue_leaves_room_for_the_runs(size: tuple[int, int]) -> None:
    recorded_run()
    Queue().add({"preset": "fast", "seed": str(seed)} for seed in range(MOST_LISTED + 5))
    app = home_screen()
    async with app.run_test(size=size) as pilot:
        panel = await furnished(pilot)
        await wait_for(pilot, "waiting")
        assert panel.size.height <= max(5, size[1] // 4)
        assert panel.query_one(QueueList).option_count == MOST_LISTED + 1
        assert told(app) == []
