"""The seconds left, held against what recorded real runs then took: one of three epochs, one that was paused, one that
was killed and resumed.

The machine that they were recorded on was shared, and its speed drifted by up to a half from epoch to epoch, which no
forecast can know. Two tests live with that. One replays every event when it was recorded, and takes from the truth
only by how much the steps still to come were slower or faster than the last epoch's worth. The other replays the steps
at the mean speed of the run: what remains is their jitter, and everything around them (compiling, validation, saving,
test, pause, downtime, start-up) as it was.
"""

import gzip
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from mnist_tui.event_lines import decode
from mnist_tui.events import AnyEvent, EpochEnded, Phase, PhaseChanged, RunEnded, RunResumed, RunStarted, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.progress import progress

FIXTURES = Path(__file__).parent.parent / "fixtures"
PART = 100
NEAR, SECONDS = 0.15, 1.5
"""Allowed error of an estimate: a share of the truth, or seconds near the end."""


@dataclass(frozen=True)
class Span:
    """An interruption that cannot be predicted before `begin`, and whose end can be predicted from `known` on."""

    begin: float
    end: float
    known: float

    def unforeseen(self, now: float) -> float:
        """Seconds of it still to come that a forecast made now cannot count in."""
        return 0.0 if now >= self.known else self.end - max(now, self.begin)


def recorded(name: str) -> list[AnyEvent]:
    """Return all events of a recording with their times."""
    path = FIXTURES / name / "events.jsonl"
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_suffix(".jsonl.gz").read_bytes())
    events = [event for event in map(decode, data.splitlines()) if event is not None]
    return sorted(events, key=lambda event: event.time)


def steady(events: list[AnyEvent]) -> list[AnyEvent]:
    """Return the events with the mean speed of the run in every PART steps."""
    took = dict(step_times(events))
    parts = [sorted(took)[begin : begin + PART] for begin in range(0, len(took), PART)]
    mean = sum(took.values()) / len(took)
    scale = {place: mean * len(part) / sum(took[each] for each in part) for part in parts for place in part}
    made, shift = [], 0.0
    for place, event in enumerate(events):
        if place in took:
            shift += took[place] * (scale[place] - 1)
        made.append(msgspec.structs.replace(event, time=event.time + shift))
    return sorted(made, key=lambda event: event.time)


def step_times(events: list[AnyEvent]) -> Iterator[tuple[int, float]]:
    """Return index and seconds of each step that follows another step of its epoch directly."""
    before: StepEnded | None = None
    for place, event in enumerate(events):
        if isinstance(event, StepEnded):
            if before is not None and before.epoch == event.epoch:
                yield place, event.time - before.time
            before = event
        elif isinstance(event, PhaseChanged | RunResumed):
            before = None


def interruptions(events: list[AnyEvent]) -> list[Span]:
    """Return the pauses, and the crashes with their downtime and the repeated steps."""
    spans = []
    for place, (event, after) in enumerate(itertools.pairwise(events)):
        if isinstance(event, PhaseChanged) and event.phase is Phase.PAUSED:
            end = next(each.time for each in events[place + 1 :] if isinstance(each, PhaseChanged))
            spans.append(Span(event.time, end, end))
        if isinstance(after, RunResumed):
            lost = max((each.step for each in events[: place + 1] if isinstance(each, StepEnded)), default=0)
            again = next(each.time for each in events[place + 1 :] if isinstance(each, StepEnded) and each.step >= lost)
            spans.append(Span(event.time, again, after.time))
    return spans


class Drift:
    """Return the seconds that a later change of speed adds to all remaining steps."""

    def __init__(self, events: list[AnyEvent], steps_per_epoch: int) -> None:
        self._took = list(step_times(events))
        self._window = steps_per_epoch

    def after(self, place: int) -> float:
        """After the event at this place: what the steps took less what they would have at the pace of before."""
        past = [seconds for each, seconds in self._took if each <= place][-self._window :]
        future = [seconds for each, seconds in self._took if each > place]
        return sum(future) - len(future) * sum(past) / len(past)


def forecasts_too_far_off(name: str, events: list[AnyEvent], drift: Drift | None = None) -> list[str]:
    """Return the times after the first epoch at which the seconds left were wrong."""
    end = next(event.time for event in events if isinstance(event, RunEnded))
    spans = interruptions(events)
    history = History(RunDirectory(FIXTURES / name).record())
    wrong, looked = [], 0
    for place, event in enumerate(events):
        history.apply(event)
        if not history.epochs or history.is_over or not isinstance(event, StepEnded | EpochEnded):
            continue
        looked += 1
        truth = end - event.time - sum(span.unforeseen(event.time) for span in spans)
        truth -= drift.after(place) if drift is not None else 0.0
        left = progress(history, event.time).seconds_left
        assert left is not None
        if abs(left - truth) > max(NEAR * truth, SECONDS):
            wrong.append(f"{event.time - events[0].time:.1f} s: {left:.1f} s left, in truth {truth:.1f}")
    assert looked > 300
    return wrong


recordings = pytest.mark.parametrize("name", ["brave-otter", "paused-otter", "killed-otter"])


@recordings
def test_the_seconds_left_are_right_after_the_first_epoch_at_a_steady_speed(name: str) -> None:
    assert forecasts_too_far_off(name, steady(recorded(name))) == []


@recordings
def test_the_seconds_left_are_right_at_the_recorded_times_but_for_changes_of_speed(name: str) -> None:
    events = recorded(name)
    per_epoch = next(event.steps_per_epoch for event in events if isinstance(event, RunStarted))
    assert forecasts_too_far_off(name, events, Drift(events, per_epoch)) == []
