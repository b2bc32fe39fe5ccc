"""Export of runs and of pictures of the screen, with notifications."""

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.app import App

from mnist_tui.config import ConfigError
from mnist_tui.export.formats import Format
from mnist_tui.export.into_run import export_into_run, save_screen
from mnist_tui.export.source import Source
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.shared.export_dialog import ExportDialog
from mnist_tui.ui.steering.steering import notify

LoadData = Callable[[str], Any]
"""Loads the data set of a spec; raises ConfigError."""


def ask_and_export(app: App[Any], run: RunDirectory, load_data: LoadData) -> None:
    """Ask for a format, and export a run in a thread."""

    def export(chosen: Format | None) -> None:
        if chosen is not None:
            app.run_worker(partial(_export, app, run, chosen, load_data), thread=True, group="export")

    try:
        app.push_screen(ExportDialog(run.record().name), export)
    except RunError as error:
        notify(app, str(error), "error")


def _export(app: App[Any], run: RunDirectory, chosen: Format, load_data: LoadData) -> None:
    notify(app, f"Exporting {chosen.name}…")
    try:
        path, words = export_into_run(chosen, Source(run, load_data))
    except (ConfigError, RunError) as error:
        notify(app, str(error), "error")
    else:
        notify(app, f"{words[0].upper()}{words[1:]} written to {path}")


def save_picture(app: App[Any], session: RunSession) -> None:
    """Save a picture of the screen among the exports of a run."""
    try:
        path = save_screen(session.run, app.export_screenshot(title=session.record.name))
    except RunError as error:
        notify(app, str(error), "error")
    else:
        notify(app, f"Screen written to {path}")
