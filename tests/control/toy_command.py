"""A steering command that is added from outside, as `python -m tests.control.toy_command` shows.

The row and the handler come before the program is imported, as if they were in its own table. The last line of stdout
is a JSON object with where the command showed up.
"""

import asyncio
import json
import sys

from mnist_tui.control.commands import STEERING_COMMANDS, CommandKey, SteeringCommand, decode_request
from mnist_tui.control.protocol import SteeringRequest
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service.steering import HANDLERS, Steering


class Shuffle(SteeringRequest, frozen=True, tag="shuffle"):
    """Shuffle the training images again."""

    seed: int = 0


def shuffle(_: Steering, request: Shuffle) -> None:
    found["handled seed"] = request.seed


found: dict[str, object] = {}
STEERING_COMMANDS.append(
    SteeringCommand(
        "shuffle",
        Shuffle,
        "Shuffle the training images again",
        "shuffles its images",
        keys=(CommandKey("h", "Shuffle", fields={"seed": 7}),),
    )
)
HANDLERS[Shuffle] = shuffle


async def show_on_screen() -> None:
    from mnist_tui.control.client import origin
    from tests.kit.fake_engine import FakeEngine
    from tests.kit.recording import Replay
    from tests.ui.program import lines, program, settled, text, told, wait_until

    replay = Replay()
    replay.to_step(1_200)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=(240, 60)) as pilot:
            await settled(pilot)
            found["footer"] = "h Shuffle" in lines(app)[-1]
            await pilot.press("h")
            await wait_until(pilot, lambda: bool(told(app)), "a notification")
            found["notified"] = told(app)
            found["sent"] = engine.sent() == [Shuffle(by=origin("screen"), seed=7)]
            await pilot.press("question_mark")
            await settled(pilot)
            found["help"] = "Shuffle the training images again" in text(app)


def type_command() -> None:
    from mnist_tui.cli.main import commands, run_command
    from mnist_tui.runs.directory import create_run
    from tests.kit import samples
    from tests.kit.fake_engine import FakeEngine

    found["command help"] = commands.commands["shuffle"].get_short_help_str()
    with FakeEngine(create_run(samples.config())) as engine:
        sys.argv = ["mnist-tui", "shuffle", "last", "3"]
        found["exit status"] = run_command()
        (line,) = engine.requests
    state = TrainingState(epochs_planned=3, max_learning_rate=0.01, early_stopping="off")
    Steering(state, lambda _: None).handle(decode_request(line))


if __name__ == "__main__":
    asyncio.run(show_on_screen())
    type_command()
    print(json.dumps(found))
