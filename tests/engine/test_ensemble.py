"""Ensembles: several networks in one run, asked together, with one confusion matrix. Real engines."""

import keras
import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError
from mnist_tui.control.client import send
from mnist_tui.control.protocol import SetEarlyStopping, SetEpochs
from mnist_tui.control.resume import resume_run
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import member_models
from mnist_tui.events import AlertRaised, EpochEnded, RunEnded, SettingChanged
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.summary import summarize
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import Start, events_until
from tests.kit.samples import record

SETTINGS = {"limit": 720, "batch_size": 60, "epochs": 2, "ensemble": "2", "checkpoint_seconds": 0.1}


def weights_of(run: RunDirectory) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    model = keras.saving.load_model(run.model_path, safe_mode=True)
    return [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in model.weights]


def test_two_networks_are_one_run_with_one_confusion_matrix_and_one_model(start: Start) -> None:
    run = start(**SETTINGS)
    events = events_until(run)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    (told,) = [event for event in events if isinstance(event, SettingChanged)]
    assert (told.setting, told.value) == ("network", "2 of 2, fast with seed 1")
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.best_epoch in (3, 4)

    model = keras.saving.load_model(run.model_path, safe_mode=True)
    assert len(member_models(model)) == 2
    arrays, digits = (
        run.load_arrays(run.predictions_path(ended.best_epoch)),
        run.load_arrays(run.digits_path("validation")),
    )
    answers = np.asarray(model.predict(pixels(digits["images"]), verbose=0))
    np.testing.assert_allclose(arrays["probabilities"], answers, atol=0.02)  # recorded in 16 bits, trained in as many
    test = run.load_arrays(run.predictions_path("test"))
    assert ended.test_accuracy == pytest.approx((test["probabilities"].argmax(axis=1) == test["labels"]).mean())


def test_an_engine_killed_in_the_second_network_ends_with_the_same_weights(start: Start) -> None:
    whole = start(**SETTINGS)
    killed = start(**SETTINGS)
    events_until(killed, lambda event: isinstance(event, EpochEnded) and event.epoch == 3)
    kill_engine(killed)
    resume_run(killed, "test")
    events_until(killed)
    events_until(whole)
    for one, other in zip(weights_of(whole), weights_of(killed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_that_diverges_again_and_again_is_left_out(start: Start) -> None:
    run = start(limit=720, ensemble="reference,fast", epochs=1, optimizer="sgd", learning_rate=3)
    events = events_until(run)
    alerts = [event.text for event in events if isinstance(event, AlertRaised)]
    assert "network 1 diverged again: it is dropped" in alerts
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [2]
    assert isinstance(events[-1], RunEnded)
    assert len(member_models(keras.saving.load_model(run.model_path, safe_mode=True))) == 1


def test_the_epochs_of_an_ensemble_stay(start: Start) -> None:
    run = start(**(SETTINGS | {"epochs": 30}))
    events_until(run, lambda event: isinstance(event, EpochEnded))
    with pytest.raises(RunError, match="epochs of an ensemble cannot change"):
        send(run, SetEpochs(by="test", change=1))
    with pytest.raises(RunError, match="early stopping of an ensemble cannot change"):
        send(run, SetEarlyStopping(by="test", rule="loss:3"))


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
def test_its_networks_are_told_in_a_word_or_two(settings: dict[str, str], words: str) -> None:
    assert catalogue().complete(settings).networks == words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "ensemble 0 is out of range: give 1 to 100 models"),
        ("101", "ensemble 101 is out of range"),
        ("fast", "ensemble 'fast' cannot be used: give a number such as 3"),
        ("fast,nothing", "ensemble 'nothing' is not known: choose one of"),
        ("-1", "ensemble '-1' cannot be used"),
    ],
)
def test_what_cannot_be_an_ensemble_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        catalogue().complete({"ensemble": text})


def test_an_ensemble_does_not_stop_early() -> None:
    with pytest.raises(ConfigError, match="early_stopping loss:3 cannot be used with an ensemble"):
        catalogue().complete({"ensemble": "2", "early_stopping": "loss:3"})


def test_the_network_of_the_lowest_loss_is_kept_where_the_recipe_says_so(start: Start) -> None:
    run = start(preset="best", limit=240, batch_size=20, epochs=3)
    epochs = [event for event in events_until(run) if isinstance(event, EpochEnded)]
    losses = [epoch.validation["loss"] or 0.0 for epoch in epochs]
    assert [epoch.is_best for epoch in epochs] == [loss == min(losses[: n + 1]) for n, loss in enumerate(losses)]
    assert summarize(run).best == epochs[losses.index(min(losses))]


def test_the_best_epoch_of_an_ensemble_is_one_of_its_newest_network() -> None:
    history = History(record(epochs=2, ensemble="2"))
    assert history.epochs_planned == 4
