"""Events survive encoding as JSON, and lines of other versions do no harm."""

import json
import typing
from typing import Any

import msgspec
import pytest

from mnist_tui.event_lines import decode, decode_lines, encode
from mnist_tui.events import (
    AnyEvent,
    CheckpointSaved,
    CommandEnded,
    EndReason,
    EpochEnded,
    Event,
    HardwareSampled,
    Histogram,
    LayerHistogram,
    LayerHistograms,
    LayerStat,
    LayerStats,
    Occasion,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    SettingChanged,
    StepEnded,
)
from tests.kit import samples

EVENTS: list[AnyEvent] = [
    samples.run_started(),
    samples.step_ended(),
    samples.epoch_ended(),
    samples.rolling_evaluated(),
    PhaseChanged(time=1.5, phase=Phase.VALIDATING),
    HardwareSampled(time=1.5, engine_cpu=180.0, engine_memory=1 << 30, machine_cpu=95.5, machine_memory=8 << 30),
    CheckpointSaved(time=1.5, path="model.keras", epoch=2, step=1_100, seconds=0.25),
    SettingChanged(time=1.5, setting="stop", value="now", by="ü×"),
    LayerStats(
        time=1.5,
        step=7,
        gradient_norm=None,
        layers=(LayerStat("conv2d", 2.5, 0.001, 0.3, 0.125), LayerStat("flatten")),
    ),
    LayerHistograms(time=1.5, step=7, layers=(LayerHistogram("conv2d", Histogram(-3, 1, bytes(33))),)),
    samples.alert_raised(7, awaits_decision=True),
    samples.run_resumed(1_100),
    RunEnded(
        time=1.5,
        reason=EndReason.COMPLETED,
        best_epoch=2,
        test_accuracy=0.99,
        test_confusion=((1, 0), (0, 1)),
        unsaved=("model.keras",),
    ),
    RunFailed(time=1.5, error="out of memory"),
    CommandEnded(time=1.5, occasion=Occasion.FAILED, text="mail succeeded in 0.1 s", succeeded=True),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_one_line_and_reads_back_as_it_was(event: AnyEvent) -> None:
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event


def test_the_sample_events_have_all_types() -> None:
    assert {type(event) for event in EVENTS} == set(typing.get_args(AnyEvent)) == set(Event.__subclasses__())


def test_types_are_written_in_snake_case_with_the_time() -> None:
    written = json.loads(encode(samples.step_ended(time=12.5)))
    assert (written["type"], written["time"]) == ("step_ended", 12.5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_nonfinite_number_reads_back_as_none(value: float) -> None:
    step = decode(encode(samples.step_ended(loss=value, accuracy=value)))
    assert isinstance(step, StepEnded)
    assert (step.metrics["loss"], step.metrics["accuracy"]) == (None, None)
    epoch = decode(encode(samples.epoch_ended(train_loss=value, validation_loss=value)))
    assert isinstance(epoch, EpochEnded)
    assert (epoch.train["loss"], epoch.validation["loss"], epoch.validation_accuracy) == (None, None, 0.97)


def test_fields_that_an_older_version_did_not_write_have_defaults() -> None:
    steered = decode(b'{"type":"setting_changed","time":1.0,"setting":"stop","value":"now","by":"keys"}')
    ended = decode(b'{"type":"run_ended","time":1.0,"reason":"completed"}')
    assert isinstance(steered, SettingChanged)
    assert isinstance(ended, RunEnded)
    assert (steered.step, ended.unsaved) == (0, ())


def test_events_of_version_0_1_are_upgraded() -> None:
    step = (
        b'{"type":"step_ended","time":1.5,"step":7,"epoch":1,"loss":null,"accuracy":0.5,"learning_rate":0.01,'
        b'"images_per_second":900.0}\n'
    )
    epoch = (
        b'{"type":"epoch_ended","time":2.5,"epoch":1,"step":7,"train_loss":0.2,"train_accuracy":0.9,'
        b'"validation_loss":0.1,"validation_accuracy":0.95,"confusion":[[1,0],[0,1]],"seconds":2.0,'
        b'"validation_seconds":0.5,"is_best":true}\n'
    )
    metrics = {"loss": None, "accuracy": 0.5, "learning_rate": 0.01, "images_per_second": 900.0}
    upgraded = [
        StepEnded(time=1.5, step=7, epoch=1, metrics=metrics),
        EpochEnded(
            time=2.5,
            epoch=1,
            step=7,
            train={"loss": 0.2, "accuracy": 0.9},
            validation={"loss": 0.1, "accuracy": 0.95},
            confusion=((1, 0), (0, 1)),
            seconds=2.0,
            validation_seconds=0.5,
            is_best=True,
        ),
    ]
    assert [decode(step), decode(epoch)] == upgraded
    assert decode_lines(step + epoch) == (upgraded, 0)
    assert decode_lines(step + encode(samples.step_ended(8)) + b'{"type":"dreamed"}\n' + epoch) == (
        [upgraded[0], samples.step_ended(8), upgraded[1]],
        1,
    )


def test_unknown_fields_are_skipped() -> None:
    event = samples.step_ended()
    line = json.dumps(json.loads(encode(event)) | {"gradient_norm": 3.5, "worker": {"id": 1}})
    assert decode(line.encode()) == event


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"layer_dreamed","time":1.0}',
        b'{"type":"phase_changed","time":1.0,"phase":"dreaming"}',
        b'{"type":"run_failed","time":1.0}',
        b'{"type":"run_failed","time":"noon","error":"x"}',
        b'{"type":"run_failed","time":1.0,"error":"\xff"}',
        b'{"time":1.0}',
        b'{"type":"run_failed","ti',
        b"[]",
        b"\x00\x00\x00",
        b"\xff\xfe",
        b"",
    ],
)
def test_an_unreadable_line_is_none(line: bytes) -> None:
    assert decode(line) is None


EVIL = "\x1b]0;owned\x07\x9b2J\u202e\n"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_texts_are_sanitised_where_they_are_read(event: AnyEvent) -> None:
    def spoiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: each if key in ("type", "phase", "reason", "kind", "occasion", "levels") else spoiled(each)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [spoiled(each) for each in value]
        return value + EVIL if isinstance(value, str) else value

    line = msgspec.json.encode(spoiled(msgspec.to_builtins(event)))
    found = decode(line)
    assert type(found) is type(event)
    assert decode_lines(line + b"\n") == ([found], 0)
    texts = msgspec.json.encode(found).decode()
    assert texts.isprintable()
    assert "\\u" not in texts


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("step_ended", "step", "9" * 5_000),
        ("step_ended", "step", "-1"),
        ("step_ended", "time", "1e300"),
        ("epoch_ended", "confusion", "[[]]"),
        ("epoch_ended", "confusion", "[[1],[2,3]]"),
        ("epoch_ended", "confusion", "[[-1]]"),
        ("epoch_ended", "seconds", "1e300"),
        ("run_ended", "test_confusion", "[[1,2]]"),
        ("run_ended", "reason", "[" * 100_000),
        ("hardware_sampled", "engine_memory", "1e999"),
        ("layer_histograms", "layers", '[{"name":"a","weights":{"low":-3,"high":1,"levels":"AAAAAA=="}}]'),
        ("layer_histograms", "layers", '[{"name":"a","weights":{"low":1,"high":1,"levels":"AAAA"}}]'),
    ],
)
def test_a_line_with_an_impossible_value_cannot_be_read(kind: str, field: str, value: str) -> None:
    event = next(event for event in EVENTS if encode(event).startswith(f'{{"type":"{kind}"'.encode()))
    fields = msgspec.json.decode(encode(event)) | {field: msgspec.Raw(b"0")}
    line = msgspec.json.encode(fields).replace(f'"{field}":0'.encode(), f'"{field}":{value}'.encode())
    assert value.encode() in line
    assert decode(line) is None
    assert decode_lines(line + b"\n" + encode(event)) == ([event], 1)
