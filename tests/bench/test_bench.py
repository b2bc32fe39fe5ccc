"""The plain script trains what the engine trains, and the data splits of the benchmarks are correct."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.resources import asset
from tests.bench import stock
from tests.bench.accuracy import PARTS, Part, kaggle_like
from tests.bench.cross_validation import FOLDS, cut, rows
from tests.bench.result import Result


def test_the_plain_script_writes_out_the_reference_network() -> None:
    preset = PRESETS["reference"]
    ours, plain = preset.build((28, 28, 1), 10), stock.reference()
    kinds = [(type(layer).__name__, layer.output.shape) for layer in ours.layers]
    assert kinds.pop(0)[0] == "Rescaling"  # the plain script divides its arrays
    assert [(type(layer).__name__, layer.output.shape) for layer in plain.layers] == kinds
    assert plain.count_params() == ours.count_params()
    recipe = preset.recipe
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == ("adam", 0.001, stock.BATCH_SIZE)


@pytest.mark.parametrize("network", [[], ["--preset", "fast"]])
def test_the_plain_script_says_how_fast_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], network: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["stock", "--limit", "480", "--epochs", "1", "--steps", "2", *network])
    stock.main()
    epoch, tested = map(json.loads, capsys.readouterr().out.splitlines())
    assert epoch["epoch"] == 1
    assert epoch["images_per_second"] > 0
    assert epoch["seconds"] > 0
    assert 0 < tested["test_accuracy"] < 1


def test_a_kaggle_like_set_holds_every_digit_once(tmp_path: Path) -> None:
    kaggle_like(tmp_path / "set.npz")
    with np.load(tmp_path / "set.npz") as cut, np.load(asset("mnist.npz")) as data:
        labels = np.concatenate([cut["y_train"], cut["y_test"]])
        assert (cut["x_train"].shape, cut["x_test"].shape) == ((42_000, 28, 28), (28_000, 28, 28))
        both = np.bincount(data["y_train"]) + np.bincount(data["y_test"])
        assert np.bincount(labels).tolist() == both.tolist()
        assert np.abs(np.bincount(cut["y_train"]) - 0.6 * both).max() <= 1
        pooled = sum(int(data[key].sum(dtype=np.int64)) for key in ("x_train", "x_test"))
        assert sum(int(cut[key].sum(dtype=np.int64)) for key in ("x_train", "x_test")) == pooled


def test_cross_validation_holds_every_training_digit_back_once(tmp_path: Path) -> None:
    held, kept = zip(*(rows(number, 60_000) for number in range(FOLDS)), strict=True)
    assert sorted(np.concatenate(held).tolist()) == list(range(60_000))
    for one, other in zip(held, kept, strict=True):
        assert len(one) == 10_000
        assert not set(one.tolist()) & set(other.tolist())
    cut(2, tmp_path / "fold.npz")
    with np.load(tmp_path / "fold.npz") as fold, np.load(asset("mnist.npz")) as data:
        assert np.array_equal(fold["x_test"], data["x_train"][held[2]])
        assert np.array_equal(fold["y_train"], data["y_train"][kept[2]])


def test_a_part_says_what_this_version_lacks() -> None:
    assert PARTS["fast"].lacks == ""
    assert Part({"preset": "none"}, seeds=1, bar=99.0).lacks == "there is no preset 'none'"
    assert Part({"preset": "fast", "colour": "red"}, seeds=1, bar=99.0).lacks == "there is no setting 'colour'"


def test_the_worst_of_several_figures_is_compared_with_its_bar() -> None:
    least = Result.least({"a": 1.2, "b": 30.0}, {"a": 1.0, "b": 40.0})
    assert (least.value, least.holds) == (0.75, False)
    worst = Result.worst({"a": 0.5, "b": 0.0}, {"a": 1.0, "b": 0.0})
    assert (worst.value, worst.holds) == (0.5, True)
    assert not Result.worst({"b": 1.0}, {"b": 0.0}).holds
