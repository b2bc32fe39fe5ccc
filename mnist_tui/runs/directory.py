"""Run directories: how they are created, found, locked, read and written.

A run directory holds config.json (RunRecord), events.jsonl, digits/, predictions/ and checkpoints/ (npz), model.keras,
source/ (of an own model), engine.log and `lock`, which the live engine holds (see liveness.py).
"""

import contextlib
import os
import re
import stat
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import platformdirs

from mnist_tui import __version__
from mnist_tui.config import ConfigError, RunConfig, quoted
from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.runs.about import About, read_about, write_about
from mnist_tui.runs.errors import RunError as RunError
from mnist_tui.runs.liveness import Endpoint, LiveEngine, find_engine, last_save_error
from mnist_tui.runs.lock import RunLock
from mnist_tui.runs.names import free_name
from mnist_tui.runs.replacing import remove_temporaries, replacing
from mnist_tui.settings import RENAMED_SETTINGS, check_readable, user_path
from mnist_tui.untrusted import Timestamp, read_bytes, sanitize, sanitized

if TYPE_CHECKING:
    import numpy as np

HOME_VARIABLE = "MNIST_TUI_HOME"
PATHS = ("data", "model")
"""Settings that are opened as they were written, so they are not sanitised."""
TEST_AGAIN = "test-again"
"""Name of the predictions of the newest test, if the run was tested before."""
MAX_RECORD_BYTES = 1 << 20
MAX_REVIEW_BYTES = 64 << 20
"""Size of a file with several reviews of each of 60,000 digits."""

WRITTEN_NAMES = {
    ".": r"about\.json|config\.json|events\.jsonl|highest-loss\.npz|model\.keras|reviews\.csv",
    "checkpoints": r"step-\d{9,}\.npz",
    "digits": r"[\w-]+\.npz",
    "predictions": r"[\w-]+\.npz",
    "weights": r"epoch-\d{4,}\.npz",
}
"""Folders of a run directory, and regular expressions of the files that are replaced there."""


ORDER_STEP = 0.001
"""Seconds between the `order` of two runs, well above the resolution of a float."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of config.json: the settings, and all else that is needed to run it again."""

    id: str
    name: str
    created: Timestamp
    """Seconds since 1970."""
    order: float | None = None
    """Replaces `created` where runs are sorted, if the clock was set back before this run was created."""
    config: RunConfig
    versions: dict[str, str] = msgspec.field(default_factory=lambda: {"mnist-tui": __version__})
    data_checksum: str | None = None
    """SHA-256 of the arrays; None until the engine has read them."""
    model_notes: tuple[str, ...] = ()
    """Sentences about an own model: what of its source code is kept, and what model.keras needs elsewhere."""
    imported_from: str | None = None
    """Log of another program that the run was imported from. Such a run has no model, and its settings are unknown."""
    queued: str = ""
    """Key of the queue's entry that the run was started for (runs/queue_entry.py)."""

    def check_is_own(self) -> None:
        """Raise RunError if the run was imported, so that it has nothing to train, load or evaluate."""
        if self.imported_from is not None:
            raise RunError(
                f"run {self.id} was imported from {self.imported_from}: it has curves only; use a run that mnist-tui"
                " trained"
            )

    def has_other_data(self, checksum: str) -> bool:
        """Return True if the run has read its data and they had another checksum."""
        return self.data_checksum not in (None, checksum)

    def check_data(self, checksum: str) -> None:
        """Raise RunError if the data have changed since the run read them."""
        if self.has_other_data(checksum):
            raise RunError(
                f"{self.config.data} has changed since run {self.id} was started: restore it, or train on the new"
                f" content with `mnist-tui resume {self.id} --accept-changed-data`"
            )


class RunDirectory:
    """Paths and files of one run. Events are read and written in runs/log.py."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_path = path / "config.json"
        self.events_path = path / "events.jsonl"
        self.model_path = path / "model.keras"
        self.log_path = path / "engine.log"
        self.applied_reviews_path = path / "applied-reviews.jsonl"
        self.source_path = path / "source"
        self.lock = RunLock(path)

    @property
    def id(self) -> str:
        """Name of the folder, sanitised."""
        return sanitize(self.path.name)

    def record(self) -> RunRecord:
        """Read config.json; raises RunError if it is missing, damaged, or of a version that this one cannot read.

        Its texts are sanitised, except for paths. The id is always the folder's, also in a copy.
        """
        try:
            written = msgspec.json.decode(read_bytes(self.config_path, MAX_RECORD_BYTES), type=dict[str, Any])
            fields = sanitized(written) | {"id": self.id}
            about = read_about(self.path)
            fields |= {"name": about.name} if about.name is not None else {}
            config = fields.get("config")
            if isinstance(config, dict):
                config |= {key: written["config"][key] for key in PATHS if key in written["config"]}
                fields["config"] = {RENAMED_SETTINGS.get(key, key): value for key, value in config.items()}
            record = msgspec.convert(fields, RunRecord)
            check_readable(record.config)
        except FileNotFoundError:
            raise RunError(f"{self.path} is not a run directory: it has no config.json") from None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, ConfigError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RunError(
                f"{self.config_path} cannot be read ({reason}): restore it, or use the version that wrote it"
            ) from None
        return record

    def write_record(self, record: RunRecord) -> None:
        """Replace config.json atomically."""
        with replacing(self.config_path) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")

    def open_log(self) -> BinaryIO:
        """Open engine.log to append to it; raises OSError, also for a pipe that would wait for its reader."""
        return open(self.log_path, "ab", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK, 0o666))

    def digits_path(self, split: str) -> Path:
        """Return the path of a split's arrays: images uint8 of n rows, labels (n,) uint8, indices (n,) int32.

        Grey images have the shape (n, height, width), RGB ones (n, height, width, 3).
        """
        return self.path / "digits" / f"{split}.npz"

    def predictions_path(self, name: str | int) -> Path:
        """Return the path of the predictions of an epoch (a number) or of the final test ("test")."""
        return self.path / "predictions" / (f"epoch-{name:04d}.npz" if isinstance(name, int) else f"{name}.npz")

    def rolling_path(self, step: int) -> Path:
        """Return the path of the predictions of a rolling evaluation, whose newest is of a step."""
        return self.path / "predictions" / f"rolling-{step}.npz"

    def rolling_steps(self) -> list[int]:
        """Return the steps of the rolling evaluations whose predictions are kept, in order."""
        found = self.path.glob("predictions/rolling-*.npz")
        return sorted(
            int(path.stem[8:]) for path in found if re.fullmatch(r"rolling-\d{1,18}\.npz", path.name, re.ASCII)
        )

    def exhibit_path(self, name: str) -> Path:
        """Return the path of an exhibit of the textbook (see runs/exhibits.py)."""
        return self.path / "exhibits" / f"{name}.json"

    def weights_path(self, epoch: int) -> Path:
        """Return the path of the weights after an epoch (see kept_epochs.py); 0: the initial ones."""
        return self.path / "weights" / f"epoch-{epoch:04d}.npz"

    def checkpoint_path(self, step: int) -> Path:
        """Return the path of the checkpoint after a step (see engine/recording/checkpoints.py)."""
        return self.path / "checkpoints" / f"step-{step:09d}.npz"

    def checkpoint_paths(self) -> list[Path]:
        """Return the existing checkpoints, newest first."""
        found = self.path.glob("checkpoints/step-*.npz")
        return sorted((path for path in found if re.fullmatch(WRITTEN_NAMES["checkpoints"], path.name)), reverse=True)

    def remove_temporaries(self) -> None:
        """Delete the temporary files of an engine that was killed. Call it only with the lock held."""
        for folder, written in WRITTEN_NAMES.items():
            remove_temporaries(self.path / folder, written)

    def save_arrays(self, path: Path, **arrays: "np.ndarray[Any, Any]") -> None:
        """Write an npz file atomically, so that a reader never sees half of it."""
        import numpy as np

        # Images shrink to a fifth. Probabilities would only shrink to 80 %, and a GPU would wait 7 ms per epoch.
        write = np.savez_compressed if "images" in arrays else np.savez
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            write(file, **arrays)  # type: ignore[arg-type]

    def load_arrays(self, path: Path) -> "dict[str, np.ndarray[Any, Any]]":
        """Read an npz file; raises RunError if it is missing or damaged."""
        try:
            return read_arrays(path)
        except NpzError as error:
            if not path.exists():
                self.record().check_is_own()
            raise RunError(f"{path} {error}") from None

    def size(self) -> int:
        """Return the bytes of all files of the run; those that cannot be read do not count."""
        total = 0
        for path in self.path.rglob("*"):
            with contextlib.suppress(OSError):
                found = path.lstat()
                total += found.st_size if stat.S_ISREG(found.st_mode) else 0
        return total

    def engine(self) -> LiveEngine | None:
        """Return the live engine of the run, None if there is none."""
        return find_engine(self.lock.path)

    def save_error(self) -> str:
        """Return what the live or the last engine could not save; empty if it saved everything."""
        return last_save_error(self.lock.path)

    def is_live(self) -> bool:
        """Return True if the run has a live engine."""
        return self.engine() is not None

    def endpoint(self) -> Endpoint | None:
        """Return the endpoint of the live engine; None if there is none, or if it is still starting."""
        engine = self.engine()
        return engine.endpoint if engine is not None and engine.endpoint.pid else None


def home() -> Path:
    """Return the folder of all runs: MNIST_TUI_HOME, or the platform's user data folder; raises ConfigError."""
    named = os.environ.get(HOME_VARIABLE)
    try:
        return _home(named or platformdirs.user_data_dir("mnist-tui"))
    except RuntimeError:
        raise ConfigError(f"you have no home folder here: set {HOME_VARIABLE} to a folder for your runs") from None


@cache
def _home(named: str) -> Path:
    """Return the absolute path, which stays the same if the current folder is removed later."""
    return user_path(named, HOME_VARIABLE)


def list_runs(folder: Path | None = None) -> list[RunDirectory]:
    """Return all runs of a folder (default: the home), newest first; raises RunError if it cannot be read.

    A folder without a config.json is not a run. A run whose config.json cannot be read goes by the file's time.
    """
    runs = [RunDirectory(path) for path in _folders(folder or home()) if _has_record(path)]
    return sorted(runs, key=lambda run: (_order(run), run.path.name), reverse=True)


def live_runs() -> list[RunDirectory]:
    """Return the runs that have a live engine, in no order; much faster than `list_runs`. Raises RunError."""
    runs = [RunDirectory(path) for path in _folders(home())]
    return [run for run in runs if run.is_live() and _has_record(run.path)]


def _folders(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{home()} cannot be read ({error.strerror}): set {HOME_VARIABLE} to another folder") from None


def _has_record(path: Path) -> bool:
    try:
        (path / "config.json").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # a run of another user, say, which is named as unreadable
    return True


def _order(run: RunDirectory) -> float:
    """Return the time that sorts a run: of its creation, or of its config.json if that cannot be read."""
    try:
        found = run.config_path.stat()
        return _recorded_order(run.path, found.st_mtime_ns, found.st_size)
    except (OSError, RunError):
        with contextlib.suppress(OSError):
            return run.config_path.lstat().st_mtime
        return 0.0


@cache  # screens list all runs every two seconds
def _recorded_order(path: Path, written: int, size: int) -> float:  # noqa: ARG001 (of the cache key)
    record = RunDirectory(path).record()
    return record.created if record.order is None else record.order


def find_run(wanted: str) -> RunDirectory:
    """Return the run with an id, a unique prefix of one, a name, or "last"; raises RunError if there is not one."""
    runs = list_runs()
    if not runs:
        raise RunError(f"no run {quoted(wanted)}: there are no runs in {home()} yet; start one with `mnist-tui train`")
    if wanted == "last":
        return runs[0]
    return find_among(runs, wanted, f"in {home()}: `mnist-tui runs` lists them")


def find_among(runs: Sequence[RunDirectory], wanted: str, where: str) -> RunDirectory:
    """Return the run with an id, a unique prefix of one, or a name.

    Args:
        runs: Runs to search.
        wanted: What the user gave.
        where: End of the error if there is none.

    Raises:
        RunError: There is not exactly one.
    """
    named = [run for run in runs if wanted in (run.id, run.path.name) or name_of(run) == wanted]
    matches = named or [run for run in runs if wanted and run.path.name.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise RunError(f"no run {quoted(wanted)} {where}")
    ids = ", ".join(run.id for run in matches[:4]) + (", ..." if len(matches) > 4 else "")
    raise RunError(f"run {quoted(wanted)} matches {len(matches)} runs ({ids}): give more of the id")


def create_run(
    config: RunConfig, imported_from: str | None = None, queued: str = "", tags: tuple[str, ...] = ()
) -> RunDirectory:
    """Create a run directory with its config.json; raises RunError and leaves nothing behind if that fails."""
    others = list_runs()
    taken = {name_of(run) for run in others}
    if config.name is not None and config.name in taken:
        raise RunError(f"a run named {config.name!r} exists already: choose another --name")
    created, newest = time.time(), _order(others[0]) if others else 0.0
    path = _new_folder(created)
    record = RunRecord(
        id=path.name,
        name=config.name or free_name(taken),
        created=created,
        order=newest + ORDER_STEP if created <= newest else None,
        config=config,
        imported_from=imported_from,
        queued=queued,
    )
    run = RunDirectory(path)
    try:
        if tags:
            write_about(path, About(tags=tags))
        run.write_record(record)
        run.events_path.touch()
    except RunError:
        remove_run(run)
        raise
    except OSError as error:
        remove_run(run)
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space or set {HOME_VARIABLE}") from None
    return run


def remove_run(run: RunDirectory) -> None:
    """Delete a run directory."""
    import shutil

    shutil.rmtree(run.path, ignore_errors=True)


def name_of(run: RunDirectory) -> str | None:
    """Return the name of a run; None if its config.json cannot be read."""
    try:
        return run.record().name
    except RunError:
        return None


def _new_folder(created: float) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(created))
    try:
        home().mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            with contextlib.suppress(FileExistsError):
                path = home() / (stamp if attempt == 1 else f"{stamp}-{attempt:03d}")
                path.mkdir(mode=0o700)
                return path
    except OSError as error:
        raise RunError(
            f"no run can be created in {home()} ({error.strerror}): set {HOME_VARIABLE} to a writable folder"
        ) from None
    raise RunError(f"no free run id in {home()} for {stamp}: wait a second and try again")
