"""Structured settings parse what they format, and follow their rules."""

from typing import Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnist_tui.config import ConfigError, DeviceChoice, EarlyStopping, RunConfig, Target
from tests.kit import samples


def test_a_config_from_before_a_setting_existed_still_opens() -> None:
    written = msgspec.to_builtins(samples.config())
    del written["early_stopping"], written["checkpoint_seconds"]
    assert msgspec.convert(written, RunConfig) == samples.config()


@pytest.mark.parametrize(
    ("text", "kind", "numbers", "count"),
    [
        ("auto", "auto", (), 1),
        ("cpu", "cpu", (), 1),
        ("gpu", "gpu", (), 1),
        ("gpu:3", "gpu", (3,), 1),
        ("gpu:1,0", "gpu", (1, 0), 2),
    ],
)
def test_a_device_is_a_kind_and_numbers(text: str, kind: str, numbers: tuple[int, ...], count: int) -> None:
    choice = DeviceChoice.parse(text)
    assert (choice.kind, choice.numbers, choice.count) == (kind, numbers, count)


METRICS = st.sampled_from(["loss", "accuracy"])
VALUES = st.lists(st.one_of(st.floats(0, 9), st.just(float("nan"))), max_size=12)
PATIENCES = st.integers(1, 9)


@given(metric=METRICS, patience=st.integers(1, 9999))
def test_a_rule_is_parsed(metric: Literal["loss", "accuracy"], patience: int) -> None:
    assert EarlyStopping.parse(f"{metric}:{patience}") == EarlyStopping(metric, patience)


@given(text=st.text() | st.from_regex(r"(loss|accuracy):\d{1,5}", fullmatch=True))
@example("loss:1\u0663")  # an Arabic-Indic 3
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    try:
        rule = EarlyStopping.parse(text)
    except ConfigError as error:
        reason = str(error)
        assert reason.isprintable()
        return
    assert text == ("off" if rule is None else f"{rule.metric}:{rule.patience}")


def better(metric: str, value: float, than: float) -> bool:
    """Return True if a value is better; NaN is the worst."""
    if than != than:
        return value == value
    return value < than if metric == "loss" else value > than


@given(metric=METRICS, patience=PATIENCES, values=VALUES)
def test_a_rule_is_met_after_its_patience(
    metric: Literal["loss", "accuracy"], patience: int, values: list[float]
) -> None:
    # Keras counts the epochs since the last improvement
    waited, best = 0, float("nan")
    for place, value in enumerate(values):
        if place == 0 or better(metric, value, best):
            waited, best = 0, value
        else:
            waited += 1
    assert EarlyStopping(metric, patience).is_met(values) == (waited >= patience)


@given(metric=METRICS, patience=PATIENCES, values=VALUES)
def test_a_longer_patience_never_ends_a_run_earlier(
    metric: Literal["loss", "accuracy"], patience: int, values: list[float]
) -> None:
    if EarlyStopping(metric, patience + 1).is_met(values):
        assert EarlyStopping(metric, patience).is_met(values)


@pytest.mark.parametrize(
    ("rule", "values", "met"),
    [
        ("loss:2", [], False),
        ("loss:2", [0.5, 0.6], False),
        ("loss:2", [0.5, 0.6, 0.7], True),
        ("loss:2", [0.5, 0.6, 0.4], False),
        ("loss:2", [0.5, 0.5, 0.5], True),
        ("loss:2", [float("nan"), 0.5, 0.4], False),
        ("loss:2", [0.5, float("nan"), float("nan")], True),
        ("accuracy:2", [0.9, 0.8, 0.7], True),
        ("accuracy:2", [0.7, 0.8, 0.9], False),
    ],
)
def test_a_loss_is_better_when_lower_and_an_accuracy_when_higher(rule: str, values: list[float], met: bool) -> None:
    parsed = EarlyStopping.parse(rule)
    assert parsed is not None
    assert parsed.is_met(values) is met


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("accuracy:99.5", 0.995, True),
        ("accuracy:99.5", 0.9949, False),
        ("accuracy:100", 1.0, True),
        ("accuracy:56.1", 0.561, True),  # 0.561 * 100 is less than 56.1
        ("loss:0.03", 0.03, True),
        ("loss:.03", 0.031, False),
        ("loss:0.03", float("nan"), False),
        ("accuracy:50", float("nan"), False),
    ],
)
def test_a_target_is_met_once_a_validation_reaches_it(text: str, value: float, met: bool) -> None:
    target = Target.parse(text)
    assert target is not None
    assert target.is_met(value) is met


def test_a_loss_below_that_of_the_best_possible_model_is_no_target() -> None:
    assert Target.parse("loss:0.6", lowest_loss=0.5) == Target("loss", 0.6)
    with pytest.raises(ConfigError, match=r"loss:0\.03.* label smoothing .* 0\.5000"):
        Target.parse("loss:0.03", lowest_loss=0.5)
