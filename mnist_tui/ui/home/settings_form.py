"""The form for the settings of the next run, validated while the user types."""

import asyncio

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.settings import INTEGER, OPTIMIZERS, REAL, SETTINGS_BY_KEY, Catalogue
from mnist_tui.ui.home.data_paths import data_paths
from mnist_tui.ui.home.next_run import SHOWN, default_text
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.choice_field import ChoiceField
from mnist_tui.ui.shared.limited_input import NUMBER, WHOLE_NUMBER, LimitedInput

CHARACTERS = {INTEGER: WHOLE_NUMBER, REAL: NUMBER}
"""Characters of a kind of setting; other kinds are free text."""
PLACEHOLDERS = {"model": "the preset's own"}


class SettingInput(LimitedInput):
    """A one-line field that starts the run with Enter."""

    BINDINGS = bindings("setting")


class DataInput(SettingInput):
    """The field for the data, which suggests data sets and paths; → accepts."""

    BINDINGS = bindings("setting", "data_field")

    def __init__(self, value: str, catalogue: Catalogue) -> None:
        suggester = DataSuggester(catalogue)
        super().__init__(value, id="data", compact=True, select_on_focus=True, suggester=suggester)
        self._catalogue = catalogue

    def action_browse(self) -> None:
        """Choose the data in a dialog, which starts in the working folder if the field names a known data set."""
        from mnist_tui.ui.home.choose_data import ChooseDataScreen  # not before it is needed

        start = "./" if self.value in self._catalogue.data_sets else self.value
        self.app.push_screen(ChooseDataScreen(start, self._catalogue.check_data), self._take)

    def _take(self, text: str | None) -> None:
        if text is not None:
            self.value = text


class DataSuggester(Suggester):
    """Suggests the first data set, folder or readable file that begins like the text."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._catalogue = catalogue

    async def get_suggestion(self, value: str) -> str | None:
        known = [name for name in self._catalogue.data_sets if name.startswith(value)]
        if known or not value:
            return known[0] if known else None
        found = await asyncio.to_thread(data_paths, value, self._catalogue.check_data)  # the disk may be slow
        return found[0].text if found else None


class SettingsForm(Vertical):
    """One line for each setting. With another preset, values at the old preset's defaults become the new one's."""

    BINDINGS = bindings("home")
    DEFAULT_CSS = """
    SettingsForm { border: round $frame; border-title-color: $foreground; padding: 0 1; height: auto; }
    SettingsForm:focus-within { border: round $accent; }
    SettingsForm Horizontal, SettingsForm Vertical { height: auto; }
    SettingsForm #labels { width: 15; color: $quiet; }
    SettingsForm Input { width: 1fr; height: 1; border: none; padding: 0; background: transparent; }
    SettingsForm Input:focus { border: none; background: $focus; }
    SettingsForm Input.-refused { color: $error; }
    SettingsForm #check { height: 2; margin-top: 1; color: $quiet; }
    SettingsForm #check.-refused { color: $error; }
    """

    class Submitted(Message):
        """The user starts a run with complete settings."""

        def __init__(self, config: RunConfig) -> None:
            super().__init__()
            self.config = config

    class Completed(Message):
        """All settings are valid, after a change or at first."""

        def __init__(self, config: RunConfig) -> None:
            super().__init__()
            self.config = config

    class PresetChosen(Message):
        """The user chose another preset; an empty name for a model of the user's own."""

        def __init__(self, preset: str) -> None:
            super().__init__()
            self.preset = preset

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._preset = self._first_preset
        self._explained: str | None = None
        """Preset of the last PresetChosen."""
        self.border_title = "Next run"

    def compose(self) -> ComposeResult:
        choices = {"preset": tuple(self._catalogue.recipes), "optimizer": OPTIMIZERS}
        with Horizontal():
            # all labels in one widget: each one costs 10 ms of the first paint
            yield Static("\n".join(SETTINGS_BY_KEY[key].label for key in SHOWN), id="labels", markup=False)
            with Vertical():
                for key in SHOWN:
                    value = default_text(self._catalogue, key, self._preset)
                    if key in choices:
                        yield ChoiceField(choices[key], value, id=key)
                    elif key == "data":
                        yield DataInput(value, self._catalogue)
                    else:
                        characters = CHARACTERS.get(SETTINGS_BY_KEY[key].kind, "")
                        field = SettingInput(value, characters, id=key, compact=True, select_on_focus=True)
                        field.placeholder = PLACEHOLDERS.get(key, "")
                        yield field
        yield Static(id="check", markup=False)

    @property
    def _first_preset(self) -> str:
        return str(self._catalogue.complete({}).preset)

    def on_mount(self) -> None:
        self._changed()

    def on_choice_field_changed(self, event: ChoiceField.Changed) -> None:
        if event.field.id == "preset":
            for key, text in self.texts().items():
                if key != "preset" and text == default_text(self._catalogue, key, self._preset):
                    field = self.query_one(f"#{key}")
                    assert isinstance(field, Input | ChoiceField)
                    with self.prevent(Input.Changed):
                        field.value = default_text(self._catalogue, key, event.value)
            self._preset = event.value
        self._changed()

    @on(Input.Changed)
    def _changed(self) -> None:
        config = self._judge()
        if config is not None:
            self.post_message(self.Completed(config))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def texts(self) -> dict[str, str]:
        """Return the fields' texts."""
        fields = {key: self.query_one(f"#{key}") for key in SHOWN}
        return {key: field.value for key, field in fields.items() if isinstance(field, Input | ChoiceField)}

    def _judge(self) -> RunConfig | None:
        """Validate all fields; show the first error, or the preset's summary."""
        reasons = {}
        texts = self.texts()
        explained = "" if texts["model"].strip() else texts["preset"]
        if explained != self._explained:
            self._explained = explained
            self.post_message(self.PresetChosen(explained))
        for key, text in texts.items():
            try:
                SETTINGS_BY_KEY[key].parse(text, self._catalogue)
            except ConfigError as error:
                reasons[key] = str(error)
            self.query_one(f"#{key}").set_class(key in reasons, "-refused")
        review = self.query_one("#check", Static)
        review.set_class(bool(reasons), "-refused")
        if reasons:
            review.update(next(iter(reasons.values())))
            return None
        review.update(self._catalogue.recipes[texts["preset"]].summary)
        return self._catalogue.complete(texts)

    def given(self) -> dict[str, str] | None:
        """Return the preset and the settings that differ from its defaults; None if one cannot be used."""
        if self._judge() is None:
            return None
        texts = self.texts()
        defaults = {key: default_text(self._catalogue, key, texts["preset"]) for key in texts if key != "preset"}
        return self._catalogue.given({key: text for key, text in texts.items() if text != defaults.get(key)})

    def action_start(self) -> None:
        """Start the run, if the settings are valid."""
        config = self._judge()
        if config is None:
            self.app.bell()
        else:
            self.post_message(self.Submitted(config))

    def action_next_field(self) -> None:
        """Focus the field below."""
        self._move(1)

    def action_previous_field(self) -> None:
        """Focus the field above."""
        self._move(-1)

    def _move(self, by: int) -> None:
        focused = self.screen.focused
        keys = [key for key in SHOWN if focused is not None and key == focused.id]
        if keys:
            self.query_one(f"#{SHOWN[(SHOWN.index(keys[0]) + by) % len(SHOWN)]}").focus()

    def focus_first(self) -> None:
        """Focus the preset."""
        self.query_one("#preset").focus()
