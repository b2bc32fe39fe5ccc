"""The child process: python -m mnist_tui.engine RUN_DIR --lock FD. A run directory in, events out.

The main thread answers the control socket; a worker thread imports Keras and trains. What they print goes to
engine.log.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import msgspec

from mnist_tui.config import ConfigError
from mnist_tui.engine import devices, server
from mnist_tui.events import EndReason, Event, Phase, PhaseChanged, RunEnded, RunFailed, SettingChanged
from mnist_tui.runs.directory import Endpoint, RunDirectory
from mnist_tui.runs.log import EventLog
from mnist_tui.runs.protocol import Stop

NICENESS = 5
"""The screen is answered first on a machine whose cores are all busy training."""
SAVED_SECONDS = 0.2


class Engine:
    """One run's process: the log that all threads write to, and the worker that trains."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._log = EventLog(run.events_path)
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._over = threading.Event()
        self._ended = False
        self.failed = False

    def emit(self, event: Event) -> None:
        """Append an event; from any thread, never half of one. What comes after the run's end is not part of it."""
        with self._writing:
            if not self._ended:
                self._log.append(event)
            self._ended = self._ended or isinstance(event, RunEnded | RunFailed)

    def stop(self, request: Stop) -> None:
        """End the run after the current batch, or at once."""
        if not self._stop.is_set() or request.now:
            self.emit(
                SettingChanged(
                    time=time.time(),
                    setting="stop",
                    value="at once" if request.now else "after this batch",
                    by=request.by,
                )
            )
        if not request.now:
            self._stop.set()
        else:
            self.emit(RunEnded(time=time.time(), reason=EndReason.KILLED))
            # The worker may be deep inside a native call; the answer to the request is given time to leave.
            threading.Timer(SAVED_SECONDS, os._exit, [0]).start()

    def work(self) -> None:
        """Train, and turn whatever goes wrong into one event. Runs in the worker thread."""
        sampler = threading.Thread(target=devices.sample_hardware, args=(self.emit, self._over), daemon=True)
        try:
            self.emit(PhaseChanged(time=time.time(), phase=Phase.IMPORTING))
            from mnist_tui.engine import trainer

            sampler.start()
            trainer.train(self._run, self.emit, self._stop)
        except ConfigError as error:
            self._fail(str(error))
        except MemoryError:
            self._fail("out of memory: choose a smaller batch size")
        except Exception as error:
            first = (str(error) or "no message").splitlines()[0]
            self._fail(f"{type(error).__name__}: {first} (the traceback is in {self._run.log_path})")
        finally:
            self._over.set()

    def _fail(self, sentence: str) -> None:
        traceback.print_exc()
        self.failed = True
        self.emit(RunFailed(time=time.time(), error=sentence))

    async def main(self, lock: int) -> None:
        """Serve the control socket until the worker is done."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, Stop(by=signal.Signals(number).name))
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        def work() -> None:
            self.work()
            loop.call_soon_threadsafe(done.set)

        path: Path | None = None
        try:
            path = server.socket_path()
        except OSError as error:
            print(f"mnist-tui: {error}; this run cannot be steered", file=sys.stderr)
        os.ftruncate(lock, 0)
        os.pwrite(lock, msgspec.json.encode(Endpoint(os.getpid(), str(path) if path else None)), 0)
        threading.Thread(target=work, name="training", daemon=True).start()
        if path is not None:
            await server.serve(path, self.stop, done)
        else:
            await done.wait()


def main() -> None:
    """Parse the arguments, take the lock if it was not handed over, and run."""
    parser = argparse.ArgumentParser(prog="python -m mnist_tui.engine", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--lock", type=int, help="descriptor of the lock file, held by whoever started this")
    options = parser.parse_args()
    run = RunDirectory(options.run)
    lock = options.lock if options.lock is not None else run.acquire_lock()
    os.set_inheritable(lock, False)
    os.nice(NICENESS)
    devices.prepare_environment()
    engine = Engine(run)
    asyncio.run(engine.main(lock))
    # Native threads can hold an orderly exit up by seconds; everything is written.
    sys.stderr.flush()
    os._exit(1 if engine.failed else 0)


if __name__ == "__main__":
    main()
