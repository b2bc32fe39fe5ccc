"""The runner of the queue: it starts the runs, one a device at a time, until none waits."""

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from mnist_tui.config import AUTO, ConfigError, DeviceChoice
from mnist_tui.control import spawning
from mnist_tui.events import AnyEvent, RunEnded, RunFailed, RunResumed, StepEnded
from mnist_tui.runs.directory import RunDirectory, RunError, home, list_runs, live_runs, name_of, remove_run
from mnist_tui.runs.liveness import Endpoint, find_engine, host, this_machine, write_endpoint
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import Entry, State
from mnist_tui.runs.summary import summarize
from mnist_tui.untrusted import sanitize

BY = "the queue"
"""Origin of the runner's requests."""
MODULE = "mnist_tui.cli.queue_runner"
"""The process of the runner, which this room must not import."""
ROUND_SECONDS, WAITING_SECONDS = 0.1, 1.0
"""Between two looks at the runs of the queue, and at what keeps the next one from starting."""
MAX_RESUMES = 3
"""Limit of resumes of a run that ended with the machine or the runner: the run may be the cause."""
LEAST_FREE, PROBE = 16 << 20, bytes(1 << 16)
"""Bytes that must be free before a run is started, and those that are written to see if they can be."""
CPU = "cpu"

Launch = Callable[[Entry, str], RunDirectory]
"""Starts the run of an entry on a device, "" for the one that it chooses; raises ConfigError or RunError."""
Resume = Callable[[RunDirectory], object]
"""Continues a run; raises ConfigError or RunError."""
Prepare = Callable[[Entry], object]
"""Has the engine of the next entry import what it needs, while another run trains."""


def start_runner(queue: Queue) -> None:
    """Start the process of the runner, unless there is one; raises RunError."""
    try:
        queue.path.mkdir(parents=True, exist_ok=True)
        lock = queue.lock.acquire()
    except RunError:
        if find_engine(queue.lock.path) is not None:
            return
        raise
    except OSError as error:
        raise RunError(f"{queue.path} cannot be written ({error.strerror}): make it writable") from None
    try:
        with queue.log_path.open("ab") as log:
            arguments = ("--lock", str(lock))
            spawning.spawn(MODULE, *arguments, stdout=log, stderr=log, own_session=True, descriptors=(lock,))
    except OSError as error:
        raise RunError(f"the queue cannot be started ({error.strerror}): free some memory or disk") from None
    finally:
        os.close(lock)


class Watched:
    """A run of the queue whose end is awaited."""

    def __init__(self, run: RunDirectory, devices: frozenset[str]) -> None:
        self.devices = devices
        self.trains = False
        """True once a step has ended."""
        self._run = run
        self._follower = LogFollower(run.events_path)
        self._has_ended = False

    def is_over(self) -> bool:
        """Return True if the run has ended; its engine may stay to answer the screens."""
        is_live = self._run.is_live()  # before the events: an engine that exits in between has written its end
        with contextlib.suppress(RunError):
            while events := self._follower.read():
                self._apply(events)
        return self._has_ended or not is_live

    def _apply(self, events: list[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, RunEnded | RunFailed):
                self._has_ended = True
            elif isinstance(event, RunResumed):
                self._has_ended = False
            self.trains |= isinstance(event, StepEnded)


@dataclass
class Runner:
    """Starts the runs of a queue and notes how they end. Only its process, which holds the lock, may use it."""

    queue: Queue
    launch: Launch
    resume: Resume
    prepare: Prepare
    gpus: int
    """Number of GPUs, each of which trains one run at a time; 0: the CPU trains them."""
    hindrance: str = ""
    """Why the next run does not start although it is its turn."""
    _watched: dict[str, Watched] = field(default_factory=dict)
    """Running entries by key."""
    _unwritten: dict[str, Entry] = field(default_factory=dict)
    """New versions of entries that the disk has refused."""
    _next_look: float = 0.0
    _prepared: str = ""
    """Key of the entry that was prepared."""

    def serve(self, lock: int) -> None:
        """Work until no entry waits or runs, or another runner takes over. `lock`: the descriptor of its lock."""
        next_heartbeat = 0.0
        while True:
            if time.monotonic() >= next_heartbeat:
                next_heartbeat = time.monotonic() + WAITING_SECONDS
                with contextlib.suppress(OSError):
                    endpoint = Endpoint(os.getpid(), None, host(), this_machine(), self.hindrance)
                    if not self.queue.lock.renew(lock, endpoint):
                        return
            if not self.round() and self._leave(lock):
                return
            time.sleep(ROUND_SECONDS)

    def round(self) -> bool:
        """Note which runs have ended, and start what can start; return False if nothing is left to do."""
        try:
            self._flush()
            running, waiting = self._entries(State.RUNNING), self._entries(State.WAITING)
            keys = {entry.key for entry in running}
            self._watched = {key: each for key, each in self._watched.items() if key in keys}
            has_ended = False
            for entry in running:
                has_ended |= self._follow(entry)
            if waiting and not has_ended:
                self._prepare(waiting[0])
            if waiting and not self.queue.is_paused and (has_ended or time.monotonic() >= self._next_look):
                self._next_look = time.monotonic() + WAITING_SECONDS
                while self._start_next():
                    pass
            return bool(running or (waiting and not self.queue.is_paused))
        except (RunError, OSError) as error:
            self.hindrance = str(error)
            return True

    def _entries(self, state: State) -> list[Entry]:
        entries = self.queue.read().entries
        if self._unwritten:
            entries = tuple(self._unwritten.get(entry.key, entry) for entry in entries)
        return [entry for entry in entries if entry.state is state]

    def _leave(self, lock: int) -> bool:
        """Release the lock if nothing is left to do; a command that adds an entry later starts another runner."""
        if not self.queue.path.exists():
            return True
        with contextlib.suppress(RunError), self.queue.locked():
            contents = self.queue.read()
            if contents.of(State.RUNNING) or (contents.of(State.WAITING) and not self.queue.is_paused):
                return False
            with contextlib.suppress(OSError):
                write_endpoint(lock, None)
            os.close(lock)
            return True
        return False

    def _follow(self, entry: Entry) -> bool:
        """Note the end of a running entry's run; return True if it has ended."""
        if entry.key not in self._watched:
            found = entry
            entry = self._recovered(found)
            if entry != found:
                self._update(entry)
            if entry.state is not State.RUNNING:
                return True
            assert entry.directory is not None
            self._watch(entry, entry.directory)
        if not self._watched[entry.key].is_over():
            return False
        del self._watched[entry.key]
        self._update(_ended(entry))
        return True

    def _recovered(self, entry: Entry) -> Entry:
        """Return an entry that another runner has started: its run goes on, or is resumed, or is still to start."""
        run = entry.directory or _run_of(entry)
        if run is None or _is_unstarted(run):
            if run is not None:
                remove_run(run)
            return msgspec.structs.replace(entry, state=State.WAITING, run="")
        entry = msgspec.structs.replace(entry, run=run.path.name)
        ended = _ended(entry)
        if run.is_live() or ended.state is not State.CRASHED or entry.resumes >= MAX_RESUMES:
            return entry
        entry = msgspec.structs.replace(entry, resumes=entry.resumes + 1)
        self._update(entry)
        try:
            self.resume(run)
        except (ConfigError, RunError) as error:
            return msgspec.structs.replace(ended, error=sanitize(str(error)))
        return entry

    def _prepare(self, entry: Entry) -> None:
        """Have the next entry prepared, once the runs that train have started up themselves."""
        if self.gpus > 1:
            return  # which one will train it is not known yet
        if entry.key != self._prepared and self._watched and all(each.trains for each in self._watched.values()):
            self._prepared = entry.key
            self.prepare(entry)

    def _start_next(self) -> bool:
        """Start the first waiting entry that finds its devices free; return True if another one may follow."""
        waiting = self._entries(State.WAITING)
        if not waiting or self.queue.is_paused:
            self.hindrance = ""
            return False
        busy = {device: "" for watched in self._watched.values() for device in watched.devices}
        wanted = {_device(entry): entry for entry in waiting}
        if all(self._free_device(entry, busy) is None for entry in wanted.values()):
            self.hindrance = ""
            return False
        others = dict(self._busy_with_others())
        for entry in waiting:
            device = self._free_device(entry, busy | others)
            if device is not None:
                return self._start(entry, device)
        self.hindrance = f"waiting for {', '.join(sorted(set(others.values())))} to end"
        return False

    def _free_device(self, entry: Entry, busy: Mapping[str, str]) -> str | None:
        """Return the setting `device` with which an entry can start now, "" for its own; None if there is none."""
        wanted = _device(entry)
        try:
            choice = DeviceChoice.parse(wanted)
        except ConfigError:
            return ""  # the launch reports the error
        if choice.kind == AUTO and self.gpus > 1:
            free = (number for number in range(self.gpus) if f"gpu:{number}" not in busy)
            return next((f"gpu:{number}" for number in free), None)
        return None if self._devices(wanted) & busy.keys() else ""

    def _devices(self, setting: str) -> frozenset[str]:
        choice = DeviceChoice.parse(setting)
        if choice.kind == "cpu" or not self.gpus:
            return frozenset({CPU})
        return frozenset(f"gpu:{number}" for number in choice.numbers or (0,))

    def _devices_of(self, run: RunDirectory) -> frozenset[str]:
        try:
            return self._devices(run.record().config.device)
        except (RunError, ConfigError):
            return frozenset()

    def _busy_with_others(self) -> Iterator[tuple[str, str]]:
        """Yield each device of this machine on which any run trains, with the run's name."""
        for run in live_runs():
            engine = run.engine()
            if engine is None or engine.is_elsewhere:
                continue
            with contextlib.suppress(RunError):
                if summarize(run).status.is_live:
                    yield from ((device, sanitize(name_of(run) or run.id)) for device in self._devices_of(run))

    def _start(self, entry: Entry, device: str) -> bool:
        _check_room()
        entry = msgspec.structs.replace(entry, state=State.RUNNING)
        if not self.queue.update(entry):  # removed by the user just now
            return True
        self.hindrance = ""
        try:
            run = self.launch(entry, device)
        except Exception as error:  # whatever is wrong with one run, the others are started
            waiting = msgspec.structs.replace(entry, state=State.WAITING)
            reason = str(error) if isinstance(error, ConfigError | RunError) else repr(error)
            self._update(waiting)
            _check_room()  # the disk is to blame, not the entry
            self._update(msgspec.structs.replace(waiting, state=State.FAILED, error=sanitize(reason)))
            return True
        entry = msgspec.structs.replace(entry, run=run.path.name)
        self._watch(entry, run)
        self._update(entry)
        return True

    def _watch(self, entry: Entry, run: RunDirectory) -> None:
        self._watched[entry.key] = Watched(run, self._devices_of(run))

    def _update(self, entry: Entry) -> None:
        """Write a new version of an entry now, or once the disk has room."""
        self._unwritten[entry.key] = entry
        with contextlib.suppress(RunError):
            self._flush()

    def _flush(self) -> None:
        for key, entry in list(self._unwritten.items()):
            self.queue.update(entry)
            del self._unwritten[key]


def _device(entry: Entry) -> str:
    return entry.settings.get("device", AUTO)


def _check_room() -> None:
    """Raise RunError if the disk of the runs takes no files now."""
    try:
        disk = os.statvfs(home())
        if disk.f_bavail * disk.f_frsize < LEAST_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryFile(dir=home()) as probe:
            probe.write(PROBE)
    except OSError as error:
        raise RunError(f"{home()} takes no further run ({error.strerror}): free some space") from None


def _ended(entry: Entry) -> Entry:
    """Return the entry of a run that is over, with how it ended."""
    run = entry.directory
    assert run is not None
    if not run.config_path.exists():
        return msgspec.structs.replace(entry, state=State.FAILED, error="its run was deleted")
    try:
        summary = summarize(run)
    except RunError as error:
        return msgspec.structs.replace(entry, state=State.FAILED, error=sanitize(str(error)))
    state = State.CRASHED if summary.status.is_live else State(summary.status)
    return msgspec.structs.replace(entry, state=state, error=sanitize(summary.error or ""))


def _run_of(entry: Entry) -> RunDirectory | None:
    """Return the run that was created for an entry; None if there is none."""
    for run in list_runs():
        with contextlib.suppress(RunError):
            if run.record().queued == entry.key:
                return run
    return None


def _is_unstarted(run: RunDirectory) -> bool:
    """Return True if a run was created, but has no engine that has begun."""
    try:
        return run.config_path.exists() and not run.events_path.stat().st_size and not run.is_live()
    except FileNotFoundError:
        return run.config_path.exists() and not run.is_live()
