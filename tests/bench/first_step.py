"""Time from Enter on the home screen to the first step, and what the warm engine costs until then."""

import os
import re
import signal
import statistics
import time
from pathlib import Path

import psutil

from mnist_tui.bench.engines import end as end_engine
from mnist_tui.bench.engines import temporary_home
from mnist_tui.control.warm import MODULE, SWITCH
from tests.bench.line import Line
from tests.bench.result import Result, percentiles
from tests.bench.training import PROGRAM, SIZE, end, environment, newest_run, steps
from tests.e2e.terminal import Terminal

PAIRS = 3
KEYS_PRESSED = 60
STILL_SECONDS = 2.0
"""Time without CPU use after which a warm engine has nothing more to do."""
IDLE_SECONDS = 10.0
FURNISH_SECONDS = 1.0
"""Time in which widgets replace the sketch of the first paint, which takes no keys."""
PATIENCE_SECONDS = 120.0
BARS = {"first_step_s": 2.5, "idle_cpu_s": 0.05, "gone_s": 1.0}
ANY = re.compile(rb".")


def first_step() -> Result:
    """Seconds from Enter on the home screen to the first step of `fast`, and the costs of a warm engine, as shares."""
    with temporary_home() as folder:
        seconds = {
            switch: [_enter_to_step(folder / f"{switch}-{number}", switch) for number in range(PAIRS)]
            for switch in ("on", "off")
        }
        enter = {switch: statistics.median(wall for wall, _ in found) for switch, found in seconds.items()}
        keys = {switch: percentiles(_keys(folder, switch)) for switch in ("on", "off")}
        with _home_screen(folder, "on") as terminal:
            warm = _warm_engine(terminal)
            _wait_until_still(warm)
            memory, before = warm.memory_info().rss, _cpu(warm)
            Line(terminal).drain(IDLE_SECONDS)
            idle, began = _cpu(warm) - before, time.monotonic()
            os.kill(terminal.pid, signal.SIGKILL)
            while _is_there(warm) and time.monotonic() - began < PATIENCE_SECONDS:
                time.sleep(0.005)
            gone = time.monotonic() - began
            terminal.wait_exit()
    figures = {"first_step_s": enter["on"], "idle_cpu_s": idle, "gone_s": gone}
    rounded = {name: round(value, 3) for name, value in figures.items()}
    return Result.worst(
        rounded,
        BARS,
        seconds_and_cpu_seconds=seconds,
        ratio=round(enter["on"] / enter["off"], 2),
        keys_while_it_warms_up=keys,
        memory_megabytes=round(memory / 1e6),
    )


def _home_screen(home: Path, switch: str) -> Terminal:
    terminal = Terminal(PROGRAM, SIZE, environment(home) | {SWITCH: switch})
    terminal.wait_for("preset")
    return terminal


def _enter_to_step(home: Path, switch: str) -> tuple[float, float]:
    """Return the seconds from Enter to the first step, and the CPU seconds of the engine between them."""
    home.mkdir()
    with _home_screen(home, switch) as terminal:
        Line(terminal).drain(FURNISH_SECONDS)
        warm = _warm_engine(terminal) if switch == "on" else None
        if warm is not None:
            _wait_until_still(warm)
        before, pressed = _cpu(warm) if warm is not None else 0.0, time.time()
        terminal.press("enter")
        line = Line(terminal)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not list(home.glob("*/events.jsonl")) or not steps(newest_run(home)):
            line.drain(0.02)
            assert time.monotonic() < deadline, terminal.screen_text()
        run = newest_run(home)
        endpoint = run.endpoint()
        used = _cpu(psutil.Process(endpoint.pid)) - before if endpoint is not None else 0.0
        end(terminal)
    first = steps(run)[0].time
    end_engine(run)
    return round(first - pressed, 2), round(used, 2)


def _keys(home: Path, switch: str) -> list[float]:
    """Return the seconds of the repaints after keys that move among the settings, from the first paint on."""
    with _home_screen(home, switch) as terminal:
        line = Line(terminal)
        line.drain(FURNISH_SECONDS)
        taken = []
        for number in range(KEYS_PRESSED):
            line.drain(0.05)
            seconds = line.press(("down", "up")[number % 2], ANY)
            assert seconds is not None, f"key {number} was never answered"
            taken.append(seconds)
        end(terminal)
    return taken


def _warm_engine(terminal: Terminal) -> psutil.Process:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        Line(terminal).drain(0.1)
        for process in psutil.Process(terminal.pid).children():
            if MODULE in process.cmdline():
                return process
    raise RuntimeError("there is no warm engine: give the machine more memory")


def _wait_until_still(process: psutil.Process) -> None:
    deadline, used = time.monotonic() + PATIENCE_SECONDS, -1.0
    while _cpu(process) > used + 0.02 and time.monotonic() < deadline:
        used = _cpu(process)
        time.sleep(STILL_SECONDS)


def _cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _is_there(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # nothing collects it once its parent is killed
    except psutil.NoSuchProcess:
        return False
