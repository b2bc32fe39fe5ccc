"""Steering commands, each declared once: its request, and how the command line and the screens offer it.

To add a command, declare its request in `protocol.py`, add a row here, and add its handler to `HANDLERS` in
`engine/service/steering.py`. The request decoder, `mnist-tui COMMAND RUN`, the key, the footer and the help follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec

from mnist_tui.config import ConfigError, EarlyStopping, Target, command_words
from mnist_tui.control.protocol import (
    Attach,
    Computed,
    Continue,
    Pause,
    Ping,
    Request,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    SetOnEnd,
    SetUntil,
    SteeringRequest,
    Step,
    Stop,
)
from mnist_tui.settings import NO_CATALOGUE, SETTINGS_BY_KEY
from mnist_tui.untrusted import sanitize

Fields = Mapping[str, Any]
"""Fields of a request, without `by`."""


@dataclass(frozen=True)
class CommandKey:
    """A key that sends a command from the screens of a run."""

    key: str
    """Textual's name of the key."""
    label: str
    help: str = ""
    """Imperative of at most 60 characters; empty for the command's own help."""
    name: str = ""
    """Identifier; empty for the command's name."""
    fields: Fields = field(default_factory=dict)
    footer: bool = True
    rank: int = 0
    """A footer that is too narrow drops the keys of the highest rank first."""


@dataclass(frozen=True)
class SteeringCommand:
    """One row of the table below."""

    name: str
    """The command `mnist-tui NAME RUN`; with `parse`, the option `mnist-tui set RUN --NAME VALUE`."""
    request: type[SteeringRequest]
    """Request type, whose fields become the arguments and flags of the command."""
    help: str
    """Imperative of at most 60 characters; for an option, a description of its value."""
    confirmation: str | Callable[[Any], str]
    """Effect on the run, as in "pauses after this batch"; computed from the request if callable."""
    keys: tuple[CommandKey, ...] = ()
    parse: Callable[[str], Fields] | None = None
    """Read the option's value; raises ConfigError."""
    metavar: str = ""
    """The option's value in the help."""

    def confirm(self, request: SteeringRequest) -> str:
        """Return the effect on the run."""
        return self.confirmation if isinstance(self.confirmation, str) else self.confirmation(request)


def parse_epochs(text: str) -> Fields:
    """Read "12" (in total), "+2" or "-1"; raises ConfigError."""
    text = text.strip()
    sign = text[:1] if text[:1] in ("+", "-") else ""
    count = SETTINGS_BY_KEY["epochs"].parse(text.removeprefix(sign), NO_CATALOGUE)
    assert isinstance(count, int)
    return {"change": -count if sign == "-" else count} if sign else {"epochs": count}


def parse_learning_rate(text: str) -> float:
    """Read a maximum learning rate; raises ConfigError."""
    value = SETTINGS_BY_KEY["learning_rate"].parse(text, NO_CATALOGUE)
    assert isinstance(value, float)
    return value


def _parse_learning_rate_change(text: str) -> Fields:
    """Read "0.003", "x0.5" or "/2"; raises ConfigError."""
    sign, number = text.strip()[:1], text.strip()[1:]
    if sign not in ("x", "×", "/"):
        return {"value": parse_learning_rate(text)}
    try:
        factor = 1 / float(number) if sign == "/" else float(number)
    except (ValueError, ZeroDivisionError):
        factor = 0.0
    if not 0 < factor < float("inf"):  # also false for NaN
        raise ConfigError(f"learning_rate {text!r} cannot be used: give a number, or a factor like x0.5 or /2")
    return {"factor": factor}


def _parse_early_stopping(text: str) -> Fields:
    EarlyStopping.parse(text)
    return {"rule": text}


def _parse_until(text: str) -> Fields:
    Target.parse(text)
    return {"target": text}


def _parse_on_end(text: str) -> Fields:
    command_words(text)
    return {"command": text}


def _confirm_step(request: Step) -> str:
    return f"trains {'1 batch' if request.count == 1 else f'{request.count:,} batches'}, then pauses"


def _confirm_epochs(request: SetEpochs) -> str:
    count = abs(request.change) if request.epochs is None else request.epochs
    unit = "epoch" if count == 1 else "epochs"
    if request.epochs is not None:
        return f"trains {count:,} {unit} in total"
    return f"trains {count:,} {'fewer' if request.change < 0 else 'more'} {unit}"


def _confirm_learning_rate(request: SetLearningRate) -> str:
    if request.value is None:
        return f"multiplies its maximum learning rate by {request.factor:g}"
    return f"sets its maximum learning rate to {request.value:g}"


STEERING_COMMANDS: list[SteeringCommand] = [
    SteeringCommand(
        "pause",
        Pause,
        "Pause after this batch",
        "pauses after this batch",
        keys=(CommandKey("p", "Pause", rank=-1),),
    ),
    SteeringCommand(
        "continue",
        Continue,
        "Continue after a pause or an alert",
        "continues",
        keys=(CommandKey("p", "Continue", rank=-1),),
    ),
    SteeringCommand(
        "step",
        Step,
        "Train one batch, or COUNT batches, then pause",
        _confirm_step,
        keys=(CommandKey("full_stop", "Step", "Train one batch, then pause", rank=6),),
    ),
    SteeringCommand(
        "epochs",
        SetEpochs,
        "Epochs in total, or how many more or fewer",
        _confirm_epochs,
        parse=parse_epochs,
        metavar="N|+N|-N",
        keys=(
            CommandKey(
                "plus", "Add epoch", "Add an epoch; after the end, asks first", "add_epoch", {"change": 1}, rank=5
            ),
            CommandKey(
                "minus", "Remove epoch", "Remove the last planned epoch", "remove_epoch", {"change": -1}, rank=9
            ),
        ),
    ),
    SteeringCommand(
        "stop",
        Stop,
        "Stop after this batch, evaluate and save",
        lambda request: "exits now" if request.now else "stops after this batch, then evaluates and saves",
        keys=(
            CommandKey("s", "Stop", rank=-1),
            CommandKey("K", "Kill", "Exit at once, unevaluated; asks first", "kill", {"now": True}, footer=False),
        ),
    ),
    SteeringCommand(
        "learning_rate",
        SetLearningRate,
        "Maximum learning rate, or a factor to change it by",
        _confirm_learning_rate,
        parse=_parse_learning_rate_change,
        metavar="X|xF|/F",
        keys=(CommandKey("l", "Learning rate", "Show and change the learning rate", rank=4),),
    ),
    SteeringCommand(
        "checkpoint",
        SaveCheckpoint,
        "Save a checkpoint after this batch",
        "saves a checkpoint after this batch",
        keys=(CommandKey("w", "Checkpoint", "Write a checkpoint after this batch", rank=8),),
    ),
    SteeringCommand(
        "rollback",
        RollBack,
        "Return to the last checkpoint, with half the learning rate",
        "returns to its last checkpoint, with half the learning rate",
        keys=(CommandKey("b", "Roll back", "Return to the last good checkpoint", rank=7),),
    ),
    SteeringCommand(
        "early_stopping",
        SetEarlyStopping,
        "off, or loss:3 to stop after 3 epochs without a lower loss",
        lambda request: f"sets early stopping to {request.rule}",
        parse=_parse_early_stopping,
        metavar="RULE",
        keys=(CommandKey("E", "Early stopping", "Show and change the early-stopping rule", rank=10),),
    ),
    SteeringCommand(
        "until",
        SetUntil,
        "off, or accuracy:99.5 or loss:0.03 to end there",
        lambda request: f"ends at {request.target}" if request.target != "off" else "ends at no target",
        parse=_parse_until,
        metavar="TARGET",
    ),
    SteeringCommand(
        "on_end",
        SetOnEnd,
        "off, or a program to run once the run ends or breaks",
        lambda request: f"runs at its end: {sanitize(request.command)}" if request.command != "off" else "runs nothing",
        parse=_parse_on_end,
        metavar="COMMAND",
    ),
]


def command_keys() -> dict[str, tuple[SteeringCommand, CommandKey]]:
    """Return each key's command and the key, by the key's name."""
    return {key.name or command.name: (command, key) for command in STEERING_COMMANDS for key in command.keys}


def decode_request(line: bytes) -> Request:
    """Decode one line of the control socket; raises msgspec.DecodeError, UnicodeDecodeError or RecursionError."""
    types = [Ping, Attach, *get_args(Computed), *(command.request for command in STEERING_COMMANDS)]
    request: Request = msgspec.json.decode(line, type=reduce(or_, types))
    return request
