"""Engine process: python -m mnist_tui.engine RUN_DIR --lock FD [--resume BY].

The main thread serves the control socket; a second thread imports Keras and trains. Their output goes to engine.log.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from mnist_tui.cluster import Cluster, cluster_from
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.control.client import EARLY_SIGNALS
from mnist_tui.control.protocol import Request, Result, SetOnEnd, Stop
from mnist_tui.control.watcher import start_watcher
from mnist_tui.engine.backends.runtime import out_of_memory_message
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.hardware.sampler import HardwareSampler
from mnist_tui.engine.preparation import Prepared, import_backend, own_environment
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import Checkpoint
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.service import private_socket, server
from mnist_tui.engine.service.heartbeat import Heartbeat
from mnist_tui.engine.service.steering import DivergedError, Steering
from mnist_tui.engine.temporaries import exit_now, use_own_folder
from mnist_tui.engine.training.context import RunContext
from mnist_tui.events import (
    EndReason,
    Phase,
    PhaseChanged,
    ResumeReason,
    RunEnded,
    RunFailed,
    RunResumed,
    SettingChanged,
)
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.summary import history_without_steps
from mnist_tui.streams import open_closed_streams

REPLY_SECONDS = 0.2
"""Time for the reply to a kill request before the process exits."""
GetReady = Callable[[RunConfig], Prepared | None]
"""Function that imports Keras, and returns what is prepared of the run beyond that."""


def only_import(config: RunConfig) -> None:
    """Import Keras for a run; raises ConfigError."""
    import_backend(config.backend, config.device)


class Engine:
    """Engine of one run: it serves requests and trains in a second thread."""

    def __init__(
        self,
        run: RunDirectory,
        start: Checkpoint | None,
        cluster: Cluster | None,
        get_ready: GetReady = only_import,
        *,
        explain_only: bool,
        accepted_by: str = "",
    ) -> None:
        self._run = run
        self._cluster = cluster
        self._start = start
        self._get_ready = get_ready
        self._explain_only = explain_only
        self._accepted_by = accepted_by
        self._event_writer = EventWriter(run, ended=explain_only)
        self._writer = RetryingWriter(run, self._event_writer.emit)
        history = history_without_steps(run)
        state = checkpoints.state_to_train_from(start, history)
        if explain_only and start is None:
            state.go_to_best(history.epochs)
        self._is_tested = bool(history.tests)
        self._steering = Steering(state, self._event_writer.emit, ended=explain_only)
        self._over = threading.Event()
        self._heartbeat: Heartbeat | None = None
        self._began = time.time()
        self._watcher: int | None = None
        """Descriptor that tells the watcher of this process's end; None without a command `on_end`."""
        self._error = ""

    @property
    def status(self) -> int:
        """Exit status of the process: 1 if the run failed or a file is not saved."""
        return 1 if self._error or self._writer.unsaved or not self._event_writer.complete else 0

    def report_resumed(self, by: str, epochs: int | None, on_end: str | None = None) -> None:
        """Report that the run resumes, with `epochs` planned epochs and another command `on_end` if given."""
        state, emit = self._steering.state, self._event_writer.emit
        reason, now = ResumeReason.RESUMED, time.time()
        emit(RunResumed(time=now, reason=reason, step=state.step, epoch=state.epoch, by=by))
        if epochs is not None:
            self._steering.drop_met_target(by)
        if epochs is not None and epochs != state.epochs_planned:
            state.epochs_planned = epochs
            emit(SettingChanged(time=now, setting="epochs", value=str(epochs), by=by, step=state.step))
        if on_end is not None and on_end != state.on_end:
            self._steering.handle(SetOnEnd(by, on_end))

    def handle(self, request: Request) -> "Future[Result] | None":
        """Carry out a request. Return the future of an explanation or predictions. Raise RequestError."""
        pending = self._steering.handle(request)
        if isinstance(request, SetOnEnd):
            self._start_watcher()
        if isinstance(request, Stop) and request.now:
            self._event_writer.emit(RunEnded(time=time.time(), reason=EndReason.KILLED))
            # The training thread may be inside a native call, so the process does not wait for it.
            threading.Timer(REPLY_SECONDS, self.exit, [0]).start()
        return pending

    def _start_watcher(self) -> None:
        """Start the process that runs the command `on_end`, if there is one and it is not watched for yet."""
        if self._watcher is None and self._steering.state.on_end != "off":
            try:
                self._watcher = start_watcher(self._run, self._began, own_environment())
            except OSError as error:
                log(f"no watcher ({error}): the command on_end will not be run")

    def viewers_changed(self, count: int) -> None:
        """Set the number of attached viewers."""
        self._steering.set_viewers(count)

    @property
    def save_error(self) -> str:
        """Reasons why files or events cannot be saved, or an empty string."""
        reasons = "; ".join(filter(None, (self._writer.error, self._event_writer.error)))
        if reasons and self._steering.is_retrying:
            return f"the training has ended, but not all is saved: free some space, or stop the run; {reasons}"
        return reasons

    def work(self) -> None:
        """Train in the current thread, and report any error as one event."""
        emit = self._event_writer.emit
        context = RunContext(self._run, self._event_writer, self._writer, self._steering, self._is_tested)
        batch_size = 0
        try:
            emit(PhaseChanged(time=time.time(), phase=Phase.IMPORTING))
            config = self._run.record().config
            batch_size = config.batch_size
            prepared = self._get_ready(config)
            if self._cluster is not None:
                from mnist_tui.engine.distributed.jax_processes import Coordinator

                context = replace(context, distribution=Coordinator(self._cluster, config))
            from mnist_tui.engine import run

            sampler = HardwareSampler(emit)
            threading.Thread(target=sampler.run, args=(self._over,), daemon=True).start()
            context = replace(context, sample_hardware=partial(sampler.sample, load=False))
            run.train(context, self._start, prepared, explain_only=self._explain_only, accepted_by=self._accepted_by)
        except (ConfigError, RunError, DivergedError) as error:
            self._fail(str(error))
        except Exception as error:
            first = (str(error) or "no message").splitlines()[0]
            message = f"{type(error).__name__}: {first} (the traceback is in {self._run.log_path})"
            self._fail(out_of_memory_message(error, batch_size) or message)
        finally:
            context.distribution.close(self._error)
            self._over.set()
            context.wait_until_saved()
            self._event_writer.flush()

    def _fail(self, message: str) -> None:
        log(traceback.format_exc())
        self._error = message
        self._steering.reject_explanations(message)
        self._event_writer.emit(RunFailed(time=time.time(), error=message))

    async def main(self, lock: int) -> None:
        """Serve the control socket until training is done."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_by_signal, signal.Signals(number).name)
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY_SIGNALS)

        def work() -> None:
            try:
                self.work()
            finally:
                loop.call_soon_threadsafe(done.set)

        listener: socket.socket | None = None
        try:
            listener = private_socket.listener_at(private_socket.socket_path())
        except OSError as error:
            log(f"no control socket ({error}); this run cannot be steered")
        # The socket listens before its address is published, so no early request is lost.
        address = listener.getsockname() if listener else None
        self._heartbeat = Heartbeat(self._run, lock, address, lambda: self.save_error)
        self._start_watcher()
        use_own_folder()  # after the socket, which other engines remove if this one is killed
        threading.Thread(target=work, name="training", daemon=True).start()
        if listener is not None:
            await server.serve(listener, self, done)
        await done.wait()

    def exit(self, status: int) -> NoReturn:
        """Exit without waiting for native threads, which can take seconds."""
        if self._heartbeat is not None:
            self._heartbeat.end()
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        exit_now(status)

    def _stop_by_signal(self, name: str) -> None:
        try:
            self.handle(Stop(by=name))
        except server.RequestError:  # the training has ended
            if self._explain_only and not self._steering.trains_on:
                os._exit(self.status)


def log(text: str) -> None:
    """Write to engine.log, unless the disk is full."""
    with contextlib.suppress(OSError):
        print(f"mnist-tui: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str], get_ready: GetReady = only_import) -> None:
    """Parse the arguments, acquire the run's lock unless it is inherited, and run."""
    open_closed_streams()
    signal.pthread_sigmask(signal.SIG_BLOCK, EARLY_SIGNALS)
    parser = argparse.ArgumentParser(prog="python -m mnist_tui.engine", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--lock", type=int, help="file descriptor of the run's lock, inherited from the parent process")
    parser.add_argument("--resume", metavar="BY", help="resume from the newest checkpoint on behalf of BY")
    parser.add_argument("--explain-only", action="store_true", help="load the model of an ended run to explain digits")
    parser.add_argument("--epochs", type=int, help="with --resume: new number of planned epochs")
    parser.add_argument("--on-end", help="with --resume: another command to run at the end")
    parser.add_argument(
        "--accept-changed-data", action="store_true", help="with --resume: train on although the data have changed"
    )
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="train with several processes; address of this one")
    parser.add_argument("--processes", type=int, help="with --coordinator: number of processes")
    options = parser.parse_args(arguments)
    run = RunDirectory(options.run)
    lock = options.lock if options.lock is not None else run.lock.acquire()
    os.set_inheritable(lock, False)
    resumed: str | None = options.resume
    start = None
    if resumed is not None or options.explain_only:
        run.remove_temporaries()
        start = checkpoints.read(run)
    cluster = cluster_from(options.coordinator, 0 if options.coordinator else None, options.processes, {})
    accepted_by = resumed if resumed is not None and options.accept_changed_data else ""
    engine = Engine(run, start, cluster, get_ready, explain_only=options.explain_only, accepted_by=accepted_by)
    if resumed is not None:
        engine.report_resumed(resumed, options.epochs, options.on_end)
    asyncio.run(engine.main(lock))
    engine.exit(engine.status)


if __name__ == "__main__":
    detection.lower_priority()
    main(sys.argv[1:])
