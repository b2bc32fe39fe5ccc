"""The run directory: where runs live, how one is made, found, locked, and what is in it.

A run directory holds config.json (RunRecord), events.jsonl, digits/, predictions/ and checkpoints/ (npz), model.keras,
engine.log and `lock`. Whoever holds the lock on `lock` is the live engine: the kernel lets go of it when the process
ends, however it ends, so "crashed" is known and never guessed.
"""

import contextlib
import fcntl
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import platformdirs

from mnist_tui import __version__
from mnist_tui.config import RunConfig

if TYPE_CHECKING:
    import numpy as np

HOME_VARIABLE = "MNIST_TUI_HOME"
LOCK_ATTEMPTS = 20
ENDPOINT_BYTES = 256
"""Length of the lock file: more than any endpoint takes."""
ADJECTIVES = """
amber bold brave bright calm clever cosy eager early fair gentle golden happy keen kind light lively lucky
mellow merry mild neat noble patient plucky proud quick quiet rapid silent silver smart snug solid steady sunny
swift warm wise witty
"""
ANIMALS = """
badger beaver bison crane dolphin eagle falcon ferret finch fox gecko hare hawk heron ibis jackal koala lark
lemur lynx marten mole moose newt orca osprey otter owl panda puffin raven robin seal shrew stoat swan tiger
viper walrus wren
"""


class RunError(Exception):
    """A run that cannot be made, found or read. The message is one sentence: what, where, and how to mend it."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """config.json: the settings as run, and enough beside them to run it again."""

    id: str
    name: str
    created: float
    """Seconds since the epoch."""
    config: RunConfig
    versions: dict[str, str] = msgspec.field(default_factory=lambda: {"mnist-tui": __version__})
    data_checksum: str | None = None
    """SHA-256 over the arrays; None until the engine has read them."""


class Endpoint(msgspec.Struct, frozen=True):
    """What the lock file says of the engine that holds it."""

    pid: int
    socket: str | None = None


class RunDirectory:
    """One run on disk. Paths and whole-file reads and writes; events are in runs/log.py."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_path = path / "config.json"
        self.events_path = path / "events.jsonl"
        self.model_path = path / "model.keras"
        self.log_path = path / "engine.log"
        self.lock_path = path / "lock"

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    def record(self) -> RunRecord:
        """Read config.json; raises RunError when it is missing or damaged."""
        try:
            with opened(self.config_path) as file:
                return msgspec.json.decode(file.read(), type=RunRecord)
        except FileNotFoundError:
            raise RunError(f"{self.path} is no run directory: it has no config.json") from None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RunError(f"{self.config_path} cannot be read ({error}): restore it or remove the run") from None

    def write_record(self, record: RunRecord) -> None:
        """Replace config.json in one step."""
        with replacing(self.config_path) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")

    def digits_path(self, split: str) -> Path:
        """Where the pictures of a split lie: arrays images (uint8, n x 28 x 28), labels (uint8), indices (int32)."""
        return self.path / "digits" / f"{split}.npz"

    def predictions_path(self, name: str | int) -> Path:
        """Where the predictions of an epoch (a number) or of the final test ("test") lie."""
        return self.path / "predictions" / (f"epoch-{name:04d}.npz" if isinstance(name, int) else f"{name}.npz")

    def checkpoint_path(self, step: int) -> Path:
        """Where the state of the training after a step lies (see engine/recording/checkpoints.py)."""
        return self.path / "checkpoints" / f"step-{step:09d}.npz"

    def checkpoint_paths(self) -> list[Path]:
        """The checkpoints that there are, the newest first."""
        return sorted(self.path.glob("checkpoints/step-*.npz"), reverse=True)

    def remove_temporaries(self) -> None:
        """Delete what an engine that was killed left half written; only for who holds the lock."""
        for folder in (".", "checkpoints", "digits", "predictions"):
            for path in (self.path / folder).glob(".*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def save_arrays(self, path: Path, **arrays: "np.ndarray[Any, Any]") -> None:
        """Write an npz file aside and rename it into place, so that a reader never meets half of one."""
        import numpy as np

        # Pictures shrink to a fifth. Probabilities would to 80 %, for 7 ms of every epoch in which a GPU waits.
        write = np.savez_compressed if "images" in arrays else np.savez
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            write(file, **arrays)  # type: ignore[arg-type]

    def load_arrays(self, path: Path) -> "dict[str, np.ndarray[Any, Any]]":
        """Read an npz file; raises RunError when it is missing or damaged."""
        import numpy as np

        try:
            with np.load(path, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        except Exception as error:  # OSError, BadZipFile, zlib.error, ValueError...: damage shows in many ways
            # of a file that is none of its own, NumPy says how to unpickle it: the last thing that one should do
            why = "it is no .npz file" if isinstance(error, ValueError) and "pickle" in str(error) else error
            raise RunError(f"{path} cannot be read ({why})") from None

    def acquire_lock(self) -> int:
        """Take the lock and return its file descriptor; raises RunError when an engine holds it."""
        descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with contextlib.suppress(OSError):  # on a full disk nobody can be told where it listens
                    self.tell_endpoint(descriptor, None)
                return descriptor
            except BlockingIOError:
                time.sleep(0.01)  # a reader in `is_live` holds it for some microseconds
        os.close(descriptor)
        raise RunError(f"run {self.id} already has a live engine: attach to it, or stop it first")

    def tell_endpoint(self, descriptor: int, endpoint: "Endpoint | None") -> None:
        """Write who holds the lock (None: not known yet) into its file, always at the same length; raises OSError.

        The room is taken with the lock, so that a disk that fills up then cannot hide a live engine.
        """
        os.pwrite(descriptor, msgspec.json.encode(endpoint).ljust(ENDPOINT_BYTES), 0)

    def is_live(self) -> bool:
        """Whether an engine holds the lock."""
        try:
            descriptor = os.open(self.lock_path, os.O_RDONLY)  # a disk that turned read-only makes no run a crashed one
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def endpoint(self) -> Endpoint | None:
        """Who holds the lock and where it listens; None when nobody does, or it has not said yet."""
        if not self.is_live():
            return None
        try:
            return msgspec.json.decode(self.lock_path.read_bytes(), type=Endpoint | None)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None


def opened(path: Path) -> BinaryIO:
    """A file, opened to be read; a pipe in its place is empty, where Python would wait for somebody to write to it."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed when it does not.

    With `durable` the file is on the disk itself before it is renamed, so that a power cut leaves the old or the new.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        if durable:
            _sync(temporary)
        temporary.replace(path)
        if durable:
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def home() -> Path:
    """The folder that holds all runs: MNIST_TUI_HOME, or the platform's user data folder."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser().absolute() if named else platformdirs.user_data_path("mnist-tui")


def list_runs() -> list[RunDirectory]:
    """All runs, the newest first. Folders without a config.json are not runs."""
    try:
        folders = [entry.path for entry in os.scandir(home()) if entry.is_dir()]
    except OSError:
        return []
    folders.sort(reverse=True)
    return [RunDirectory(Path(folder)) for folder in folders if Path(folder, "config.json").exists()]


def find_run(wanted: str) -> RunDirectory:
    """The run that an id, a unique prefix of one, a name or "last" means; raises RunError when that is not one."""
    runs = list_runs()
    if not runs:
        raise RunError(f"no run {wanted!r}: there are no runs in {home()} yet; start one with `mnist-tui train`")
    if wanted == "last":
        return runs[0]
    named = [run for run in runs if run.id == wanted or _name_of(run) == wanted]
    matches = named or [run for run in runs if wanted and run.id.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise RunError(f"no run {wanted!r} in {home()}: `mnist-tui runs` lists them")
    ids = ", ".join(run.id for run in matches[:4]) + (", ..." if len(matches) > 4 else "")
    raise RunError(f"run {wanted!r} means {len(matches)} runs ({ids}): give more of the id")


def create_run(config: RunConfig) -> RunDirectory:
    """Make a new run directory with its config.json; raises RunError and leaves nothing behind when it cannot be."""
    taken = {_name_of(run) for run in list_runs()}
    if config.name in taken:
        raise RunError(f"a run named {config.name!r} exists already: choose another --name")
    created = time.time()
    path = _new_folder(created)
    record = RunRecord(id=path.name, name=config.name or _free_name(taken), created=created, config=config)
    run = RunDirectory(path)
    try:
        run.write_record(record)
        run.events_path.touch()
    except OSError as error:
        remove_run(run)
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space or set {HOME_VARIABLE}") from None
    return run


def remove_run(run: RunDirectory) -> None:
    """Delete a run directory and all that is in it."""
    import shutil

    shutil.rmtree(run.path, ignore_errors=True)


def _name_of(run: RunDirectory) -> str | None:
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
            f"no run can be made in {home()} ({error.strerror}): set {HOME_VARIABLE} to a folder that you can write to"
        ) from None
    raise RunError(f"no free run id in {home()} for {stamp}: wait a second and try again")


def _free_name(taken: set[str | None]) -> str:
    chance = random.Random()
    for _ in range(100):
        name = f"{chance.choice(ADJECTIVES.split())}-{chance.choice(ANIMALS.split())}"
        if name not in taken:
            return name
    return f"run-{len(taken) + 1}"
