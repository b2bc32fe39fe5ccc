"""The commands that steer a run: pause, continue, step, checkpoint, rollback, set, stop and resume."""

import sys
import time
from collections.abc import Callable
from typing import Any

import click

from mnist_tui.cli.distributed import distribution_options, follow
from mnist_tui.cli.wiring import UsageError, catalogue, check_terminal, watch
from mnist_tui.cluster import Cluster
from mnist_tui.config import EarlyStopping
from mnist_tui.control import client
from mnist_tui.control.protocol import (
    AnyRequest,
    Continue,
    Pause,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, find_run
from mnist_tui.settings import SETTINGS_BY_KEY

RUN_HELP = "RUN is an id, a unique prefix of one, a name, or `last`."
STEERING: list[click.Command] = []
"""Every command of this file, to be added to the program's."""


def command(name: str, help: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command about RUN."""

    def declare(function: Callable[..., Any]) -> click.Command:
        run = click.argument("run")
        STEERING.append(click.command(name, help=f"{help} {RUN_HELP}")(run(function)))
        return STEERING[-1]

    return declare


def asker() -> str:
    """Who asks, as the engine records it."""
    return client.who("command line")


def tell(run: RunDirectory, request: AnyRequest, done: str) -> None:
    """Ask the run's engine and print what happens; what it cannot save goes to stderr. Raises RunError."""
    answer = client.ask(run, request)
    click.echo(f"run {run.id} {done}")
    if answer.trouble:
        click.echo(f"mnist-tui: {sanitize(answer.trouble)}", err=True)


@command("pause", "Stand still after the current batch.")
def pause(run: str) -> None:
    """Pause a run."""
    tell(find_run(run), Pause(by=asker()), "pauses after this batch")


@command("continue", "Go on after a pause. Also in spite of an alert that waits for a decision.")
def go_on(run: str) -> None:
    """End a pause."""
    tell(find_run(run), Continue(by=asker()), "goes on")


@command("step", "Train a batch, or COUNT of them, and pause again.")
@click.argument("count", type=int, default=1)
def step(run: str, count: int) -> None:
    """Take steps."""
    batches = "1 batch" if count == 1 else f"{count:,} batches"
    tell(find_run(run), Step(by=asker(), count=count), f"trains {batches} and pauses")


@command("checkpoint", "Save a checkpoint after the current batch.")
def checkpoint(run: str) -> None:
    """Save what the run could go on from."""
    tell(find_run(run), SaveCheckpoint(by=asker()), "saves a checkpoint after this batch")


@command("rollback", "Go back to the last good checkpoint. From there it trains with half the learning rate.")
def rollback(run: str) -> None:
    """Undo what diverged."""
    tell(find_run(run), RollBack(by=asker()), "goes back to its newest checkpoint, with half the learning rate")


@command("stop", "End a run after its current batch, evaluated and saved.")
@click.option("--now", is_flag=True, help="At once, unevaluated.")
def stop(run: str, now: bool) -> None:
    """Ask a run's engine to end."""
    tell(find_run(run), Stop(by=asker(), now=now), f"ends {'now' if now else 'after this batch'}")


@command("set", "Change settings of a live run. Several are sent one after the other.")
@click.option("--epochs", metavar="N|+N|-N", help="Epochs in all, or so many more or fewer than planned.")
@click.option("--learning-rate", metavar="X|xF|/F", help="Peak of the schedule, or what to multiply or divide it by.")
@click.option("--early-stopping", metavar="RULE", help="off, or like loss:3: end after 3 epochs without a lower one.")
def set_(run: str, epochs: str | None, learning_rate: str | None, early_stopping: str | None) -> None:
    """Change settings; all are read before the first is sent."""
    wishes: list[tuple[AnyRequest, str]] = []
    if epochs is not None:
        wishes.append(epochs_request(epochs))
    if learning_rate is not None:
        wishes.append(learning_rate_request(learning_rate))
    if early_stopping is not None:
        EarlyStopping.parse(early_stopping)
        rule = SetEarlyStopping(by=asker(), rule=early_stopping)
        wishes.append((rule, f"has early stopping set to {early_stopping}"))
    if not wishes:
        raise UsageError("nothing to set: give --epochs, --learning-rate or --early-stopping")
    found = find_run(run)
    for request, done in wishes:
        tell(found, request, done)


def epochs_request(text: str) -> tuple[SetEpochs, str]:
    """Read "12", "+2" or "-1", and say what it does; raises ConfigError."""
    number = whole_number(text)
    if text.strip().startswith(("+", "-")):
        change = -number if text.strip().startswith("-") else number
        words = f"trains {number:,} {'epoch' if number == 1 else 'epochs'} {'fewer' if change < 0 else 'more'}"
        return SetEpochs(by=asker(), change=change), words
    return SetEpochs(by=asker(), epochs=number), f"trains {number:,} {'epoch' if number == 1 else 'epochs'} in all"


def whole_number(text: str) -> int:
    """The epochs in "12", "+2" or "-1", without the sign; raises ConfigError in the setting's own words."""
    unsigned = text.strip()
    number = SETTINGS_BY_KEY["epochs"].parse(unsigned[1:] if unsigned[:1] in ("+", "-") else unsigned, catalogue())
    assert isinstance(number, int)
    return number


def learning_rate_request(text: str) -> tuple[SetLearningRate, str]:
    """Read "0.003", "x0.5" or "/2", and say what it does; raises ConfigError and UsageError."""
    sign, value = text.strip()[:1], text.strip()
    if sign not in ("x", "×", "/"):
        max_learning_rate = SETTINGS_BY_KEY["learning_rate"].parse(value, catalogue())
        assert isinstance(max_learning_rate, float)
        return SetLearningRate(by=asker(), value=max_learning_rate), f"gets the learning rate {max_learning_rate:g}"
    try:
        factor = float(value[1:])
        factor = 1 / factor if sign == "/" else factor
    except (ValueError, ZeroDivisionError):
        factor = 0.0
    if not 0 < factor < float("inf"):  # also false for nan
        raise UsageError(
            f"--learning-rate {text!r} cannot be used: give a number, or x0.5 or /2 to change it by a factor"
        )
    words = "divides" if sign == "/" else "multiplies"
    return SetLearningRate(by=asker(), factor=factor), f"{words} its learning rate by {value[1:]}"


@command(
    "resume", "Let a run that is over go on. It does so from its newest checkpoint; a finished one needs more --epochs."
)
@click.option("--epochs", metavar="N|+N", help="Epochs in all, or so many more than planned.")
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--detach", is_flag=True, help="Let it go on, print its id and return.")
@distribution_options
def resume(run: str, epochs: str | None, plain: bool, detach: bool, cluster: Cluster | None) -> int:
    """Start another engine on a run and watch it."""
    from mnist_tui.control.resume import resume_run

    if epochs is not None and epochs.strip().startswith("-"):
        raise UsageError(f"--epochs {epochs} cannot be used: give the epochs in all, or +N for so many more")
    more = epochs is not None and epochs.strip().startswith("+")
    number = whole_number(epochs) if epochs is not None else None
    if cluster is not None and not cluster.leads:
        return follow(cluster)  # the run is where process 0 is
    found = find_run(run)
    config = found.record().config
    catalogue().check_backend(config.backend)
    if cluster is not None:
        cluster.check(config)
    plain = plain or not sys.stdout.isatty()
    if not plain and not detach:
        check_terminal()
    asked = time.time()
    resume_run(found, asker(), epochs=None if more else number, more=number if more and number else 0, cluster=cluster)
    if detach:
        click.echo(found.id)
        return 0
    return watch(found, plain, since=asked)
