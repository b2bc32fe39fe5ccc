"""Own models: their form, their checks, their source in the run directory, and a run resumed without the file."""

import contextlib
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import msgspec
import numpy as np
import pytest

from mnist_tui.cli.settings_files import settings_like
from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError, DataFacts
from mnist_tui.control import model_check
from mnist_tui.control.model_check import CheckRequest
from mnist_tui.control.resume import resume_run
from mnist_tui.engine import backends
from mnist_tui.engine.jobs.__main__ import load_own_model
from mnist_tui.engine.jobs.check_model import check
from mnist_tui.engine.models.inference import feature_model
from mnist_tui.engine.models.own_model import OwnModel
from mnist_tui.engine.models.source_code import as_source
from mnist_tui.events import CheckpointSaved, EpochEnded, RunEnded, RunFailed, RunStarted
from mnist_tui.resources import asset
from mnist_tui.runs.model_source import Source, kept_model
from tests.engine import in_process

FACTS = DataFacts("", 10)
HEAD = "import keras\nfrom keras import layers\n"
BUILD = """
def build(input_shape, classes):
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    {line}
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    {compiled}
    return model
"""


def source(line: str = "", compiled: str = "", before: str = "") -> str:
    return HEAD + textwrap.dedent(before) + BUILD.format(line=line, compiled=compiled)


def layer(call: str, line: str = "x = Own()(x)", more: str = "") -> str:
    """Return a file with a layer of its own, whose class begins in line 3."""
    return source(
        line, before=f"class Own(layers.Layer):\n{more}    def call(self, x, training=False):\n        {call}\n"
    )


def sequential(*made: str) -> str:
    return HEAD + f"def build(shape, classes):\n    return keras.Sequential([{', '.join(made)}])\n"


def checked(path: Path, text: str, **settings: Any) -> tuple[str, ...]:
    """Check a model in the test's own process."""
    path.write_text(text)
    config = catalogue().complete({"preset": "mlp", "device": "cpu", "model": f"{path}:build", **settings})
    with patch.object(backends.current(), "prepare"):  # the number of threads cannot change any more
        return check(CheckRequest(config, FACTS, 60), contextlib.nullcontext)


REFUSED = {
    "no Python": ("def build(:\n", ["line 1", "SyntaxError"]),
    "an exception": (HEAD + "x = 1 / 0\n", ["line 3", "ZeroDivisionError", "division"]),
    "an exception in a helper": (
        HEAD + "def build(shape, classes):\n    return helper(shape)\n\ndef helper(shape):\n    return shape[7]\n",
        ["line 7", "IndexError"],
    ),
    "an exit": ("import sys\nsys.exit(3)\n", ["line 2", "sys.exit"]),
    "an exception that is none": ("class E(BaseException): pass\nraise E('a\\nb')\n", ["line 2", "raises E: a"]),
    "endless recursion": (HEAD + "def build(s, c):\n    return build(s, c)\n", ["line 4", "RecursionError"]),
    "another package": ("import no_such_package\n", ["line 1", "no_such_package"]),
    "another name": (HEAD + "def biuld(s, c): pass\n", ["no function build", "biuld"]),
    "other arguments": (HEAD + "\ndef build(): pass\n", ["line 4", "(input_shape, classes)"]),
    "no model": (HEAD + "def build(s, c):\n    model = 1\n", ["line 3", "returns None", "return model"]),
    "two inputs": (
        HEAD + "def build(s, c):\n    a, b = keras.Input(s, name='a'), keras.Input(s, name='b')\n"
        "    return keras.Model([a, b], layers.Dense(c, 'softmax')(layers.Flatten()(a + b)))\n",
        ["line 3", "2 inputs (a, b)", "input_shape"],
    ),
    "two outputs": (
        HEAD + "def build(s, c):\n    a = keras.Input(s)\n    return keras.Model(a, [a, a + 1])\n",
        ["2 outputs", "probabilities"],
    ),
    "another shape": (
        sequential("keras.Input((32, 32, 3))", "layers.Flatten()", "layers.Dense(classes, 'softmax')"),
        ["(n, 32, 32, 3)", "(n, 28, 28, 1)", "keras.Input(input_shape)"],
    ),
    "a fixed batch": (
        sequential("keras.Input(shape, batch_size=5)", "layers.Flatten()", "layers.Dense(classes, 'softmax')"),
        ["(5, 28, 28, 1)", "keras.Input(input_shape)"],
    ),
    "other classes": (
        sequential("keras.Input(shape)", "layers.Flatten()", "layers.Dense(7, 'softmax')"),
        ["(n, 7)", "10 classes", "Dense(classes"],
    ),
    "frozen weights": (source(compiled="model.trainable = False"), ["line 4", "no trainable weights"]),
    "a Lambda layer": (source("x = layers.Lambda(lambda t: t)(x)"), ["Lambda", "keras.layers.Layer"]),
    "its own training step": (
        source(
            compiled="model = Own(inputs, model.output)",
            before="class Own(keras.Model):\n    def train_step(self, data): ...\n",
        ),
        ["line 3", "train_step()", "compile()"],
    ),
    "logits": (
        sequential("keras.Input(shape)", "layers.Rescaling(1 / 255)", "layers.Flatten()", "layers.Dense(classes)"),
        ["line 3", "sum to", "softmax"],
    ),
    "a loss of logits": (
        source(compiled="model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))"),
        ["from_logits", "softmax"],
    ),
    "a loss that fails": (
        source(compiled="model.compile(loss=lambda labels, predicted: labels[:, 99])"),
        ["line 9", "Error: slice index 99"],
    ),
    "a file beside it": ("open(__file__.replace('cnn.py', 'w.txt'))\n", ["line 1", "w.txt", "full path"]),
    "not a number": (layer("return keras.ops.log(x - 10.0)"), ["NaN", "Rescaling"]),
    "an error in a layer": (layer("return x @ x"), ["line 5", "Error"]),
    "a cut gradient": (
        layer("return keras.ops.stop_gradient(x)", "x = Own()(layers.Dense(5, name='lost')(x))"),
        ["line 7", "no gradient reaches lost/kernel, lost/bias"],
    ),
    "an unused weight": (
        layer(
            "return x * 1.0", more="    def build(self, s):\n        self.w = self.add_weight(shape=(3,), name='w')\n"
        ),
        ["line 3", "no gradient reaches own/w"],
    ),
    "an argument that is not saved": (
        layer(
            "return x",
            "x = Own(print)(x)",
            "    def __init__(self, f):\n        super().__init__()\n        self.f = f\n",
        ),
        ["line 3", "saved", "get_config"],
    ),
    "an error in training": (
        layer("return x / (0 if training else 1) if not training else x @ x"),
        ["line 5", "Error"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_be_trained_is_refused_with_its_file_and_line(name: str, tmp_path: Path) -> None:
    text, parts = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path / "cnn.py", text)
    message = str(caught.value)
    assert message.startswith(f"model {tmp_path / 'cnn.py'}")
    assert "\n" not in message
    for part in parts:
        assert part in message


ACCEPTED = {
    "a subclass": HEAD
    + "class Net(keras.Model):\n    def __init__(self, classes, **options):\n        super().__init__(**options)\n"
    "        self.classes, self.dense = classes, layers.Dense(classes, 'softmax')\n"
    "    def call(self, x):\n        return self.dense(keras.ops.reshape(x / 255, (-1, 784)))\n"
    "    def get_config(self):\n        return super().get_config() | {'classes': self.classes}\n"
    "def build(shape, classes):\n    return Net(classes)\n",
    "images of any size": sequential(
        "keras.Input((None, None, 1))",
        "layers.Conv2D(2, 3)",
        "layers.GlobalMaxPooling2D()",
        "layers.Dense(classes, 'softmax')",
    ),
    "a model in a model": sequential(
        "keras.Input(shape)",
        "keras.Sequential([keras.Input(shape), layers.BatchNormalization(), layers.Flatten()])",
        "layers.Dense(classes)",
        "layers.Softmax()",
    ),
    "no input yet": sequential("layers.Rescaling(1 / 255)", "layers.Flatten()", "layers.Dense(classes, 'softmax')"),
    "operations, a branch that starts at zero and a loss of its own": source(
        "x = keras.ops.relu(x + layers.Dense(784, kernel_initializer='zeros')(layers.Dense(3)(x)))",
        "model.compile('adam', loss=squares)",
        "def squares(labels, predicted):\n    return keras.ops.sum((labels - predicted) ** 2, axis=-1)\n",
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("a model in a model", list(ACCEPTED)[-1]) else pytest.mark.full)
        for name in ACCEPTED
    ],
)
def test_a_model_of_any_form_can_be_trained(name: str, tmp_path: Path) -> None:
    notes = checked(tmp_path / "cnn.py", ACCEPTED[name])
    assert any("Net" in note for note in notes) == (name == "a subclass")
    assert any("Adam" in note for note in notes) == ("loss" in name)
    model = OwnModel(str(tmp_path / "cnn.py:build")).build((28, 28, 1), 10)
    assert feature_model(model).output_shape[0] is None


def test_a_saved_model_brings_its_weights_and_no_lambda(tmp_path: Path) -> None:
    path = tmp_path / "cnn.keras"
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
    model.save(path)
    loaded = OwnModel(str(path)).build((28, 28, 1), 10)
    assert np.array_equal(loaded.get_weights()[0], model.get_weights()[0])

    keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x)]).save(path)
    with pytest.raises(ConfigError, match="Lambda"):
        OwnModel(str(path)).build((28, 28, 1), 10)
    path.write_bytes(b"no archive")
    with pytest.raises(ConfigError, match="not a saved Keras model"):
        OwnModel(str(path)).build((28, 28, 1), 10)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (1 << 25))
    with pytest.raises(ConfigError, match="unpacks to"):
        OwnModel(str(path)).build((28, 28, 1), 10)


def test_the_code_is_ended_after_its_time_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "cnn.py").write_text(
        "def build():\n    while True:\n        try:\n            1 / 0\n        except BaseException: pass\n"
    )
    program = (
        "import sys; from pathlib import Path; from mnist_tui.engine.jobs.check_model import *\n"
        f"folder = Path({str(tmp_path)!r}); sys.path.insert(0, str(folder)); import cnn\n"
        "with time_limit(0.1, 'cnn', folder, Reporter(folder)): cnn.build()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    result = msgspec.json.decode((tmp_path / model_check.RESULT).read_bytes(), type=model_check.CheckResult)
    assert str(tmp_path / "cnn.py") in result.error
    assert "has not returned after 0.1 s" in result.error


@pytest.mark.fresh_engines
@pytest.mark.parametrize(
    ("program", "reason"),
    [("exit 3", "exit status 3"), ("sleep 100 & wait", "not ready after")],
    ids=["ends", "hangs"],
)
def test_a_process_that_ends_or_hangs_is_explained(
    program: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f"#!/bin/sh\n{program}\n")
    interpreter.chmod(0o755)
    (tmp_path / "cnn.py").write_text("")
    monkeypatch.setattr(sys, "executable", str(interpreter))
    monkeypatch.setattr(model_check, "MOST_SECONDS", 0.5)
    with pytest.raises(ConfigError, match=reason):
        model_check.check_model(catalogue().complete({"model": str(tmp_path / "cnn.py")}), FACTS)


def test_a_run_keeps_what_the_file_imports_beside_it_and_says_what_it_does_not_keep(tmp_path: Path) -> None:
    (tmp_path / "blocks").mkdir()
    for name, text in {
        "cnn.py": "import keras\nimport scipy.signal\nfrom blocks.deep import block\nimport helper\n",
        "helper.py": "import os, random, cnn\n",
        "random.py": "not read: the library's own comes first",
        "other.py": "not imported",
        "blocks/__init__.py": "",
        "blocks/deep.py": "from . import wide",
        "blocks/wide.py": "",
    }.items():
        (tmp_path / name).write_text(text)
    found = Source(str(tmp_path / "cnn.py"))
    assert sorted(found.files) == ["blocks/__init__.py", "blocks/deep.py", "blocks/wide.py", "cnn.py", "helper.py"]
    assert "helper.py" in found.note
    assert "not the installed packages it imports (scipy)" in found.note


TINY = {"preset": "mlp", "limit": 240, "batch_size": 60, "epochs": 2, "device": "cpu", "checkpoint_seconds": 0.1}


@pytest.mark.usefixtures("home")
def test_an_own_model_trains_is_saved_and_resumes_bit_for_bit_without_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that `new-model` writes, with its layer of its own, as it is."""
    path = tmp_path / "cnn.py"
    path.write_text(asset("new_model.py").read_text())
    whole = in_process.new_run(model=path, **TINY)  # with a real process that checks the model
    torn = in_process.new_run_like(whole)
    path.unlink()

    events = in_process.train(whole)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert ("scale", "Scale") in [(each.name, each.kind) for each in started.layers]
    assert isinstance(events[-1], RunEnded)
    assert any("new_model" not in note and "Scale" in note for note in whole.record().model_notes)

    crash = in_process.crash_at(lambda event: isinstance(event, CheckpointSaved) and event.step in (4, 5))
    in_process.train(torn, crash)
    resumed = in_process.resume(torn)
    assert not [event for event in resumed if isinstance(event, RunFailed)]
    figures = [[e.validation for e in each if isinstance(e, EpochEnded)][-1] for each in (events, resumed)]
    assert figures[0] == figures[1]

    config = whole.record().config
    load_own_model(str(kept_model(whole, config)))
    saved = keras.saving.load_model(whole.model_path, safe_mode=True)
    assert "Scale(name=" in as_source(saved)

    assert settings_like(whole.id)["model"] == kept_model(whole, config)
    assert f"{path} cannot be read any more" in capsys.readouterr().err
    monkeypatch.setattr("mnist_tui.control.client.resume", lambda *_, **__: None)
    assert f"{path} cannot be read any more" in resume_run(whole, "a test", catalogue(), epochs=3)


@pytest.mark.usefixtures("home")
@pytest.mark.full
def test_an_ensemble_of_an_own_model_is_saved_as_one(tmp_path: Path) -> None:
    path = tmp_path / "cnn.py"
    path.write_text(layer("return x * 1.0"))
    with patch.object(model_check, "check_model", lambda config, _: Source(str(config.model))):
        run = in_process.new_run(model=path, ensemble=2, **(TINY | {"epochs": 1}))
    events = in_process.train(run)
    assert isinstance(events[-1], RunEnded), events[-1]
    assert run.record().config.networks == "2 × cnn.py:build"
    saved = keras.saving.load_model(run.model_path, safe_mode=True)
    assert [each.name for each in saved.layers][1:] == ["network1", "network2", "mean"]


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"model": "cnn"}, ["cnn", "FILE.py:FUNCTION"]),
        ({"model": "/nowhere.py:build"}, ["/nowhere.py", "new-model"]),
        ({"model": "{path}:2x"}, ["FILE.py:FUNCTION"]),
        ({"model": "{path}", "ensemble": "best,fast"}, ["ensemble best,fast", "number"]),
    ],
    ids=["no file", "a missing file", "no function", "presets"],
)
def test_a_bad_setting_is_refused(settings: dict[str, str], parts: list[str], tmp_path: Path) -> None:
    (tmp_path / "cnn.py").write_text("")
    with pytest.raises(ConfigError) as caught:
        catalogue().complete({key: text.format(path=tmp_path / "cnn.py") for key, text in settings.items()})
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.usefixtures("home")
def test_a_run_without_its_copy_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "cnn.py").write_text(source())
    with patch.object(model_check, "check_model", lambda config, _: Source(str(config.model))):
        run = in_process.new_run(model=tmp_path / "cnn.py", **TINY)
    (run.source_path / "cnn.py").unlink()
    (failed,) = [event for event in in_process.train(run) if isinstance(event, RunFailed)]
    assert f"{run.source_path / 'cnn.py'} cannot be read" in failed.error
