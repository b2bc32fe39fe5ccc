"""Every setting accepts valid text and refuses the rest in one line."""

from pathlib import Path

import pytest

from mnist_tui.config import AUTO, ConfigError, RunConfig
from mnist_tui.settings import INTEGER, OPTIMIZERS, REAL, SETTINGS, SETTINGS_BY_KEY, Setting, user_path
from tests.kit import samples

NUMBERS = [setting for setting in SETTINGS if setting.kind in (INTEGER, REAL)]
INTEGERS = [setting for setting in NUMBERS if setting.kind is INTEGER]


def refusal(key: str, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        SETTINGS_BY_KEY[key].parse(text, samples.catalogue())
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(key)
    return message


def test_every_field_of_a_run_config_has_a_setting() -> None:
    assert tuple(setting.key for setting in SETTINGS) == RunConfig.__struct_fields__


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.key)
def test_both_bounds_are_accepted(setting: Setting) -> None:
    for bound in (setting.minimum, setting.maximum):
        text = str(int(bound)) if setting.kind is INTEGER else repr(bound)
        assert setting.parse(text, samples.catalogue()) == bound


@pytest.mark.parametrize("setting", INTEGERS, ids=lambda setting: setting.key)
@pytest.mark.parametrize("step", [-1, 1])
def test_a_value_beyond_a_bound_is_refused_with_the_bounds(setting: Setting, step: int) -> None:
    value = int(setting.minimum - 1 if step < 0 else setting.maximum + 1)
    message = refusal(setting.key, str(value))
    assert f"{value:,} is out of range" in message
    assert f"from {setting.minimum:,.0f} to {setting.maximum:,.0f}" in message


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("epochs", "0", "0 is out of range: give a whole number from 1 to 10,000"),
        ("epochs", "-1", "-1 is out of range"),
        ("epochs", "1000000000", "1,000,000,000 is out of range"),
        ("epochs", "1e9", "'1e9' is not a whole number: give one from 1 to 10,000"),
        ("epochs", "2.5", "'2.5' is not a whole number"),
        ("epochs", "", "'' is not a whole number"),
        ("epochs", "nan", "'nan' is not a whole number"),
        ("batch_size", "many", "'many' is not a whole number"),
        ("seed", "4294967296", "out of range"),
        ("limit", "119", "119 is out of range: give a whole number from 120 to 10,000,000"),
        ("learning_rate", "nan", "'nan' cannot be used: give a number from 1e-08 to 10"),
        ("learning_rate", "inf", "'inf' cannot be used"),
        ("learning_rate", "-inf", "'-inf' cannot be used"),
        ("learning_rate", "x", "'x' cannot be used"),
        ("learning_rate", "0", "'0' cannot be used"),
        ("learning_rate", "-0.1", "'-0.1' cannot be used"),
        ("learning_rate", "10.1", "'10.1' cannot be used"),
        ("learning_rate", "", "'' cannot be used"),
        ("optimizer", "lion", f"'lion' is not known: choose one of {', '.join(OPTIMIZERS)}"),
        ("preset", "resnet", "'resnet' is not known: choose one of fast, lenet5"),
        ("preset", "", "'' is not known"),
        ("data", "/nowhere.npz", "'/nowhere.npz' names no file"),
        ("name", "a b", "'a b' cannot be a run's name: use 1 to 40 letters"),
        ("name", "-x", "'-x' cannot be a run's name"),
        ("name", "../up", "'../up' cannot be a run's name"),
        ("name", "x" * 41, "cannot be a run's name"),
        ("name", "two\nlines", r"'two\nlines' cannot be a run's name"),
        ("early_stopping", "", "'' cannot be used: give off, or loss or accuracy and the epochs to wait"),
        ("early_stopping", "on", "'on' cannot be used"),
        ("early_stopping", "loss", "'loss' cannot be used"),
        ("early_stopping", "loss:0", "'loss:0' cannot be used"),
        ("early_stopping", "loss:-1", "'loss:-1' cannot be used"),
        ("early_stopping", "loss:99999", "'loss:99999' cannot be used"),
        ("early_stopping", "f1:3", "'f1:3' cannot be used"),
        *(
            ("until", text, f"'{text}' cannot be reached: give off, or accuracy")
            for text in ("accuracy:101", "accuracy:0.995", "accuracy:nan", "loss:0", "loss:-1", "loss", "f1:99", "")
        ),
        ("checkpoint_seconds", "0", "'0' cannot be used: give a number from 0.1 to 86400"),
        ("checkpoint_seconds", "nan", "'nan' cannot be used"),
        ("device", "", "'' cannot be used: give auto, cpu, gpu, or numbers such as gpu:1 or gpu:0,1"),
        ("device", "tpu", "'tpu' cannot be used"),
        ("device", "gpu:", "'gpu:' cannot be used"),
        ("device", "auto:0", "'auto:0' cannot be used"),
        ("device", "gpu:-1", "'gpu:-1' cannot be used"),
        ("device", "gpu:0,0", "'gpu:0,0' names a device twice: give each number once"),
        ("device", "cpu:1", "'cpu:1' cannot be used: number the CPU's devices from 0"),
        ("device", "gpu:" + ",".join(map(str, range(17))), "names too many devices: give at most 16"),
        ("precision", "half", "'half' is not known: choose one of auto, float32, bfloat16, float16"),
        ("jit_compile", "yes", "'yes' is not known: choose one of auto, on, off"),
        ("steps_per_execution", "0", "0 is out of range: give a whole number from 1 to 1,000"),
        ("steps_per_execution", "all", "'all' is not a whole number"),
        ("threads", "0", "0 is out of range"),
        ("name", "last", "'last' always means the newest run"),
    ],
)
def test_invalid_text_is_refused_with_the_reason(key: str, text: str, reason: str) -> None:
    assert reason in refusal(key, text)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("epochs", " 12 ", 12),
        ("epochs", "1,000", 1000),
        ("epochs", "1_000", 1000),
        ("learning_rate", "3e-4", 0.0003),
        ("learning_rate", "1", 1.0),
        ("optimizer", "sgd", "sgd"),
        ("preset", "lenet5", "lenet5"),
        ("data", "mnist", "mnist"),
        ("name", "try-2.b_C", "try-2.b_C"),
        ("name", "x" * 40, "x" * 40),
        ("name", "", None),
        ("limit", "", None),
        ("early_stopping", " off ", "off"),
        ("early_stopping", "loss:3", "loss:3"),
        ("early_stopping", "accuracy:9999", "accuracy:9999"),
        ("until", "accuracy:99.5", "accuracy:99.5"),
        ("until", "loss:0.03", "loss:0.03"),
        ("checkpoint_seconds", "0.5", 0.5),
        ("device", "gpu:10,2", "gpu:10,2"),
        ("device", "cpu:0,1", "cpu:0,1"),
        ("precision", "bfloat16", "bfloat16"),
        ("jit_compile", "off", "off"),
        ("steps_per_execution", "auto", "auto"),
        ("steps_per_execution", "16", 16),
        ("threads", " 2 ", 2),
    ],
)
def test_valid_text_is_parsed(key: str, text: str, value: object) -> None:
    assert SETTINGS_BY_KEY[key].parse(text, samples.catalogue()) == value


def test_without_settings_the_default_preset_is_used() -> None:
    config = samples.catalogue().complete({})
    assert (config.preset, config.epochs, config.batch_size) == ("fast", 2, 64)
    assert (config.learning_rate, config.optimizer) == (0.01, "adamw")
    assert (config.seed, config.data, config.limit, config.name) == (0, "mnist", None, None)
    assert (config.early_stopping, config.checkpoint_seconds) == ("off", 60.0)
    chosen_here = (config.device, config.precision, config.jit_compile, config.steps_per_execution, config.threads)
    assert set(chosen_here) == {AUTO}


def test_given_settings_override_the_preset() -> None:
    config = samples.catalogue().complete({"preset": "lenet5", "epochs": "4"})
    assert (config.preset, config.epochs, config.batch_size, config.optimizer) == ("lenet5", 4, 128, "adam")


def test_an_empty_optional_setting_is_ignored() -> None:
    assert samples.catalogue().complete({"name": "", "limit": " "}) == samples.catalogue().complete({})


@pytest.mark.parametrize(("key", "meant"), [("learning-rate", r"learning_rate\?"), ("x", r"one of preset, model, ")])
def test_an_unknown_setting_is_refused_with_the_nearest_one(key: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' is not known: did you mean {meant}"):
        samples.catalogue().complete({key: "3"})


def test_one_bad_setting_is_an_error() -> None:
    with pytest.raises(ConfigError, match="batch_size"):
        samples.catalogue().complete({"epochs": "3", "batch_size": "0"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("~nosuchuser/x.npz", "no home folder is known for ~nosuchuser"),
        ("/" + 5_000 * "x", "name too long"),
        ("loop/x.npz", "symbolic links"),
        ("a\0b.npz", "NUL"),
        ("\udcff.npz", "not UTF-8"),
    ],
)
def test_a_path_that_cannot_be_is_refused_in_a_short_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        user_path(text, "--config")
    message = str(caught.value)
    assert message.startswith("--config '")
    assert reason.lower() in message.lower()
    assert message.isprintable()
    assert len(message) < 200


def test_a_relative_path_needs_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert user_path("x", "data") == tmp_path / "gone" / "x"
    (tmp_path / "gone").rmdir()
    with pytest.raises(ConfigError, match="current folder"):
        user_path("x", "data")
    assert user_path("/x", "data") == Path("/x")


@pytest.mark.parametrize("path", ["missing/x", "file/x", "file"])
def test_a_path_that_may_be_there_later_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path(f"~/{path}", "data") == tmp_path / path


def test_a_value_of_many_digits_is_refused_in_a_short_sentence() -> None:
    for digits in (100, 4_000, 5_000):
        assert len(refusal("epochs", digits * "9")) < 200
        assert len(refusal("learning_rate", digits * "9")) < 200
