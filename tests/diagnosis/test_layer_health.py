"""Layer warnings need several samples, never one bad batch or the start of a healthy run."""

from collections.abc import Sequence

from mnist_tui.diagnosis.layer_health import layer_warnings
from mnist_tui.events import LayerStat, LayerStats


def run(stats: Sequence[LayerStat], total: float | None = 1.0) -> list[LayerStats]:
    return [
        LayerStats(time=float(step), step=step, gradient_norm=total, layers=(stat,))
        for step, stat in enumerate(stats, 1)
    ]


def kinds(stats: Sequence[LayerStat]) -> dict[str, str]:
    return {name: warning.kind for name, warning in layer_warnings(run(stats)).items()}


def relu(share: float) -> LayerStat:
    return LayerStat("relu", dead_share=share)


def conv(gradient: float | None = 1.0, step: float | None = 0.01, weights: float | None = 10.0) -> LayerStat:
    return LayerStat("conv", weights, step, gradient)


def test_a_layer_is_dead_when_it_was_for_several_samples() -> None:
    assert kinds([relu(0.1), relu(0.95), relu(0.94)]) == {}
    assert kinds([relu(0.1), relu(0.95), relu(0.94), relu(0.93)]) == {"relu": "dead"}
    assert kinds([relu(0.95), relu(0.94), relu(0.93), relu(0.5)]) == {}
    assert "93%" in layer_warnings(run([relu(0.95), relu(0.94), relu(0.93)]))["relu"].text


def test_a_layer_explodes_when_its_steps_are_large_again_and_again() -> None:
    assert kinds([conv(step=0.5), conv(), conv(step=0.5)]) == {}
    assert kinds([conv(step=0.2)] * 3) == {"conv": "explodes"}
    assert "by 20%" in layer_warnings(run([conv(step=0.2)] * 3))["conv"].text


def test_a_layer_explodes_when_its_gradient_stays_a_hundred_times_the_usual() -> None:
    usual = [conv(gradient=0.5)] * 6
    assert kinds([*usual, conv(gradient=80)]) == {}
    assert kinds([*usual, conv(gradient=80), conv(gradient=90)]) == {"conv": "explodes"}
    assert "180 times" in layer_warnings(run([*usual, conv(gradient=80), conv(gradient=90)]))["conv"].text


def test_the_first_seconds_of_a_healthy_run_raise_nothing() -> None:
    # recorded: until batch statistics have settled, gradient norms grow two hundredfold and fall again
    growth = [0.051, 12.9, 0.443, 0.375, 0.08]
    for length in range(1, len(growth) + 1):
        assert kinds([conv(gradient=value) for value in growth[:length]]) == {}


def test_values_that_are_not_finite_are_reported_at_once() -> None:
    warnings = layer_warnings(run([conv(), conv(gradient=None, weights=None)]))
    assert warnings["conv"].kind == "not finite"
    assert "weights and gradient" in warnings["conv"].text
    assert kinds([conv(gradient=None)]) == {"conv": "not finite"}


def test_a_norm_that_a_layer_never_had_is_not_missing() -> None:
    assert kinds([relu(0.0), relu(0.0)]) == {}
    assert layer_warnings([]) == {}


def test_nan_from_the_first_sample_is_reported() -> None:
    assert layer_warnings(run([LayerStat("conv")], total=None))["conv"].kind == "not finite"
