"""Runs with the same tag, such as those of a grid, compared as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from mnist_tui.analysis.groups import Effect, Spread, effects, spread
from mnist_tui.config import DeviceChoice
from mnist_tui.runs.about import read_about
from mnist_tui.runs.directory import RunDirectory, RunError, list_runs
from mnist_tui.runs.summary import RunSummary
from mnist_tui.settings import SETTINGS


@dataclass(frozen=True)
class RunGroup:
    """The runs of a group and what they have in common."""

    name: str
    runs: tuple[RunSummary, ...]
    validation: Spread | None
    """Validation accuracies of the best epochs."""
    test: Spread | None
    effects: tuple[Effect, ...]
    """Parts of the settings in the validation accuracy, the largest first."""

    @property
    def best(self) -> RunSummary | None:
        """The run with the highest validation accuracy, which is not chosen by its test."""
        known = [run for run in self.runs if run.validation_accuracy is not None]
        return max(known, key=lambda run: run.validation_accuracy or 0.0, default=None)

    def differing(self, run: RunSummary) -> str:
        """Return the settings of a run that differ within the group: "learning rate 0.02, seed 1"."""
        settings = _settings(run)
        labels = [label for effect in self.effects for label in effect.settings]
        return ", ".join(f"{label} {settings[label]}" for label in settings if label in labels)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `compare --group --json` prints beside the runs."""
        return {
            "group": self.name,
            "validation": _spread_json(self.validation),
            "test": _spread_json(self.test),
            "best": self.best.run.id if self.best is not None else None,
            "settings": [msgspec.to_builtins(effect) | {"words": effect.words} for effect in self.effects],
        }


def group_of(name: str, runs: Sequence[RunSummary]) -> RunGroup:
    """Compare runs as one."""
    validation = [run.validation_accuracy for run in runs]
    return RunGroup(
        name,
        tuple(runs),
        spread(validation),
        spread([run.test_accuracy for run in runs]),
        tuple(effects([_settings(run) for run in runs], validation)),
    )


def tagged(tag: str) -> list[RunDirectory]:
    """Return the runs with a tag, oldest first; raises RunError if there are none."""
    found = [run for run in reversed(list_runs()) if tag in read_about(run.path).tags]
    if not found:
        raise RunError(f"no run has the tag {tag!r}: `mnist-tui runs` lists tags, and `mnist-tui tag RUN TAG` adds one")
    return found


def _settings(run: RunSummary) -> dict[str, str]:
    """Return label -> value of the settings that a run was started with, empty if they are not known."""
    if run.record.imported_from is not None:
        return {}
    values = {setting.label: getattr(run.record.config, setting.key) for setting in SETTINGS if setting.key != "name"}
    choice = DeviceChoice.parse(run.record.config.device)
    values["device"] = f"{choice.count} × {choice.kind}"  # the queue chooses which GPU
    return {label: f"{value:g}" if isinstance(value, float) else str(value) for label, value in values.items()}


def _spread_json(found: Spread | None) -> dict[str, Any] | None:
    return None if found is None else msgspec.to_builtins(found) | {"interval": found.interval}
