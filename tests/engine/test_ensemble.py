"""Ensembles: several models in one run, combined into one."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError
from mnist_tui.control.protocol import Request, SetEarlyStopping, SetEpochs
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import member_models
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.service.server import RequestError
from mnist_tui.events import AlertRaised, AnyEvent, EpochEnded, RunEnded, SettingChanged, StepEnded
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.kit.samples import record

SETTINGS = {"limit": 360, "batch_size": 60, "epochs": 2, "ensemble": "2", "checkpoint_seconds": 0.1}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Ensemble of two models that was trained without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        run = in_process.new_run(**SETTINGS)
    in_process.train(run)
    return run


def saved_model(run: RunDirectory) -> keras.Model:
    return keras.saving.load_model(run.model_path, safe_mode=True)


def test_two_models_are_one_run_with_one_confusion_matrix_and_one_saved_model(whole: RunDirectory) -> None:
    events = LogFollower(whole.events_path).read()
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2, 3, 4]
    (changed,) = [event for event in events if isinstance(event, SettingChanged)]
    assert (changed.setting, changed.value) == ("network", "2 of 2, fast with seed 1")
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.best_epoch in (3, 4)

    model = saved_model(whole)
    assert len(member_models(model)) == 2
    recorded = whole.load_arrays(whole.predictions_path(ended.best_epoch))["probabilities"]
    predicted = model.predict(pixels(whole.load_arrays(whole.digits_path("validation"))["images"]), verbose=0)
    # recorded in 16 bits, and trained in bfloat16 on a CPU that has it
    np.testing.assert_allclose(recorded, np.asarray(predicted), atol=0.02)
    test = whole.load_arrays(whole.predictions_path("test"))
    assert ended.test_accuracy == pytest.approx((test["probabilities"].argmax(axis=1) == test["labels"]).mean())


def test_a_run_that_crashes_in_the_second_model_ends_with_the_same_weights(whole: RunDirectory) -> None:
    run = in_process.new_run(**SETTINGS)
    in_process.train(run, in_process.crash_at(lambda event: isinstance(event, EpochEnded) and event.epoch == 3))
    in_process.resume(run)
    for one, other in zip(saved_model(whole).get_weights(), saved_model(run).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_diverges_repeatedly_is_dropped() -> None:
    run = in_process.new_run(limit=720, ensemble="reference,fast", epochs=1, optimizer="sgd", learning_rate=3)
    events = in_process.train(run)
    alerts = [event.text for event in events if isinstance(event, AlertRaised)]
    assert "model 1 diverged again: it is dropped" in alerts
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [2]
    assert isinstance(events[-1], RunEnded)
    assert len(member_models(saved_model(run))) == 1


def test_epochs_and_early_stopping_of_an_ensemble_cannot_change() -> None:
    errors = []

    def request_changes(engine: Engine, event: AnyEvent) -> None:
        if isinstance(event, StepEnded):
            requests: list[Request] = [SetEpochs(by="a test", change=1), SetEarlyStopping(by="a test", rule="loss:3")]
            for request in requests:
                with pytest.raises(RequestError) as caught:
                    engine.handle(request)
                errors.append(str(caught.value))
            raise in_process.Crash

    in_process.train(in_process.new_run(limit=120, ensemble="mlp,mlp"), request_changes)
    epochs, early_stopping = errors
    assert epochs.startswith("the number of epochs of an ensemble")
    assert early_stopping.startswith("the early stopping of an ensemble")


def test_presets_can_be_mixed_and_the_first_gives_the_recipe() -> None:
    config = catalogue().complete({"ensemble": "reference,fast"})
    assert (config.preset, config.members) == ("reference", ("reference", "fast"))
    assert config.learning_rate == catalogue().recipes["reference"].learning_rate
    assert catalogue().complete({"ensemble": "3"}).members == ("fast",) * 3
    assert catalogue().complete({}).members == ("fast",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "fast"),
        ({"preset": "best", "ensemble": "3"}, "3 × best"),
        ({"ensemble": "fast,best"}, "fast + best"),
        ({"ensemble": "best,best"}, "2 × best"),
        ({"ensemble": "best,fast,best,fast"}, "4 models"),
    ],
)
def test_the_models_are_described_in_a_word_or_two(settings: dict[str, str], words: str) -> None:
    assert catalogue().complete(settings).networks == words


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"ensemble": "0"}, "ensemble 0 .* 1 to 100"),
        ({"ensemble": "101"}, "ensemble 101 .* 1 to 100"),
        ({"ensemble": "fast"}, "ensemble 'fast' .* number"),
        ({"ensemble": "fast,nothing"}, "ensemble 'nothing' .* fast"),
        ({"ensemble": "-1"}, "ensemble '-1' "),
        ({"ensemble": "2", "early_stopping": "loss:3"}, "early_stopping loss:3 .* ensemble"),
        ({"ensemble": "2", "until": "accuracy:99"}, "until accuracy:99 .* ensemble"),
    ],
)
def test_bad_ensembles_raise_an_error(settings: dict[str, str], parts: str) -> None:
    with pytest.raises(ConfigError, match=parts):
        catalogue().complete(settings)


def test_the_epoch_with_the_lowest_loss_is_the_best_if_the_preset_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PRESETS["best"].monitor == "val_loss"
    monkeypatch.setitem(PRESETS, "mlp", replace(PRESETS["mlp"], monitor="val_loss"))
    run = in_process.new_run(preset="mlp", limit=240, batch_size=20, epochs=6, learning_rate=0.01)
    epochs = [event for event in in_process.train(run) if isinstance(event, EpochEnded)]
    losses = [epoch.validation["loss"] or 0.0 for epoch in epochs]
    assert [epoch.is_best for epoch in epochs] == [loss == min(losses[: n + 1]) for n, loss in enumerate(losses)]
    assert summarize(run).best == epochs[losses.index(min(losses))]


def test_the_planned_epochs_of_an_ensemble_are_those_of_all_its_models() -> None:
    assert History(record(epochs=2, ensemble="2")).epochs_planned == 4
