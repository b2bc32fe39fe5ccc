"""Steps applied in chunks give the same history as steps applied one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_tui.event_lines import decode, encode
from mnist_tui.events import AnyEvent, HardwareSampled, Phase, PhaseChanged, StepEnded
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.kit import samples

CREATED = samples.CREATED
FIGURES = st.one_of(st.none(), st.floats(0, 10))


@st.composite
def stretches(draw: st.DrawFn) -> list[AnyEvent]:
    """Draw consecutive steps. The clock may jump, backwards too."""
    count = draw(st.one_of(st.integers(1, 4), st.integers(15, 48)))
    first, time = draw(st.integers(1, 300)), CREATED + draw(st.floats(-50, 500))
    figures = draw(st.lists(st.tuples(FIGURES, FIGURES, st.floats(0, 1e5)), min_size=count, max_size=count))
    return [
        samples.step_ended(first + i, time=time + i / 7, loss=loss, accuracy=accuracy, images_per_second=speed)
        for i, (loss, accuracy, speed) in enumerate(figures)
    ]


OTHERS: st.SearchStrategy[list[AnyEvent]] = st.one_of(
    st.builds(lambda step: [samples.run_resumed(step)], st.integers(0, 300)),
    st.builds(
        lambda t, phase: [PhaseChanged(time=CREATED + t, phase=phase)], st.floats(0, 500), st.sampled_from(Phase)
    ),
    st.builds(lambda epoch: [samples.epoch_ended(epoch)], st.integers(1, 3)),
    st.just([HardwareSampled(time=CREATED, engine_cpu=1, engine_memory=1, machine_cpu=1, machine_memory=1)]),
)
EVENTS = st.lists(st.one_of(stretches(), OTHERS), max_size=8).map(lambda parts: [e for part in parts for e in part])
DAMAGED = (
    b"\n",
    b'{"type":"dreamed","time":1}\n',
    b'{"type":"step_ended","ti\n',
    b'{"type":"step_ended","time":1.0,\n"step":1}\n',
    b"\x00\xff\n",
    encode(samples.step_ended(1)).rstrip() + encode(samples.step_ended(2)),
)


def state(history: History) -> dict[str, Any]:
    """Return the contents of a history as values that can be compared."""
    plain = {key: value for key, value in vars(history).items() if key != "_steps"}
    columns = {key: history.steps.column(key).tolist() for key in history.steps}
    return plain | {"energy": vars(history.energy)} | columns


def one_by_one(events: list[AnyEvent]) -> History:
    """Apply events one by one."""
    history = History(samples.record())
    for event in events:
        history.apply(event)
    return history


@settings(max_examples=300, deadline=None)
@given(events=EVENTS)
def test_all_at_once_is_like_one_by_one(events: list[AnyEvent]) -> None:
    together = History(samples.record())
    together.apply_all(events)
    np.testing.assert_equal(state(together), state(one_by_one(events)))


@settings(max_examples=200, deadline=None)
@given(
    events=EVENTS, damage=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(DAMAGED))), limit=st.integers(1, 5_000)
)
def test_a_file_in_chunks_is_like_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, events: list[AnyEvent], damage: list[tuple[int, bytes]], limit: int
) -> None:
    lines = [encode(event) for event in events]
    for place, bad in damage:
        lines.insert(place % (len(lines) + 1), bad)
    data = b"".join(lines)
    path = tmp_path_factory.mktemp("chunks") / "events.jsonl"
    path.write_bytes(data + b'{"type":"step_en')  # and one that is being written
    follower, history = LogFollower(path), History(samples.record())
    while read := follower.read(limit):
        history.apply_all(read)
    alone = [decode(line) for line in data.split(b"\n") if line]
    known = [event for event in alone if event is not None]
    np.testing.assert_equal(state(history), state(one_by_one(known)))
    assert follower.unknown == len(alone) - len(known)


def test_the_first_step_after_a_resume_is_found_in_the_middle_of_a_chunk() -> None:
    before: list[AnyEvent] = [samples.step_ended(step) for step in range(1, 61)]
    after: list[AnyEvent] = [samples.step_ended(step, time=CREATED + 900 + step / 10) for step in range(41, 101)]
    history = History(samples.record())
    history.apply_all([*before, samples.run_resumed(40), *after])
    worked = history.steps.column("worked")
    assert history.steps.column("step").tolist() == list(range(1, 101))
    assert np.all(np.diff(worked) < 1)
    assert np.all(np.diff(worked) > 0)


def test_a_line_longer_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(samples.epoch_ended(1)) + encode(samples.step_ended(1)))
    follower = LogFollower(path)
    assert [type(event).__name__ for event in follower.read(limit=10)] == ["EpochEnded"]
    assert isinstance(follower.read(limit=10)[0], StepEnded)


def test_a_chunk_of_unknown_lines_is_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type":"dreamed"}\n' * 50 + encode(samples.step_ended(1)))
    follower = LogFollower(path)
    assert len(follower.read(limit=100)) == 1
    assert follower.unknown == 50
    assert follower.read(limit=100) == []
