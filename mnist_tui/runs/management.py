"""Management of runs: rename, tag, delete to the trash, restore, and clean up checkpoints and kept epochs."""

import contextlib
import os
import shutil
from collections.abc import Iterator

from mnist_tui.config import quoted
from mnist_tui.runs.about import changed, read_about, write_about
from mnist_tui.runs.directory import RunDirectory, RunError, find_among, home, list_runs, name_of
from mnist_tui.runs.kept_epochs import kept_paths
from mnist_tui.runs.liveness import write_endpoint
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize

TRASH = "trash"
"""Name of the folder of deleted runs, beside the runs."""


def rename(run: RunDirectory, name: str) -> None:
    """Give a run another name.

    Raises:
        ConfigError: The name cannot be used.
        RunError: Another run has it, or it cannot be written.
    """
    about = changed(read_about(run.path), name=name)
    _check_free(name, run)
    write_about(run.path, about)


def add_tags(run: RunDirectory, *tags: str) -> None:
    """Add tags to a run; raises RunError."""
    about = read_about(run.path)
    write_about(run.path, changed(about, tags=tuple(dict.fromkeys((*about.tags, *tags)))))


def remove_tags(run: RunDirectory, *tags: str) -> None:
    """Remove tags from a run; raises RunError if it lacks one."""
    about = read_about(run.path)
    for tag in tags:
        if tag not in about.tags:
            known = f"its tags are {', '.join(about.tags)}" if about.tags else "it has none"
            raise RunError(f"run {run.id} has no tag {quoted(tag)}: {known}")
    set_tags(run, *(tag for tag in about.tags if tag not in tags))


def set_tags(run: RunDirectory, *tags: str) -> None:
    """Replace the tags of a run; raises RunError."""
    write_about(run.path, changed(read_about(run.path), tags=tuple(dict.fromkeys(tags))))


def set_note(run: RunDirectory, text: str) -> None:
    """Replace the note of a run, empty for none; raises RunError."""
    write_about(run.path, changed(read_about(run.path), note=" ".join(text.split())))


def set_pinned(run: RunDirectory, pinned: bool) -> None:
    """List a run first, or no longer; raises RunError."""
    write_about(run.path, changed(read_about(run.path), pinned=pinned))


def delete(run: RunDirectory) -> None:
    """Move a run to the trash; raises RunError if it is live, here or on another machine."""
    folder = home() / TRASH
    with _idle(run):
        try:
            folder.mkdir(exist_ok=True)
            if (folder / run.path.name).exists():
                raise RunError(f"{folder / run.path.name} exists: `mnist-tui runs --empty-trash` removes it")
            run.path.rename(folder / run.path.name)
        except OSError as error:
            raise RunError(f"run {run.id} cannot be moved to {folder} ({error.strerror}): make it writable") from None


def deleted_runs() -> list[RunDirectory]:
    """Return the runs in the trash, newest first; raises RunError if it cannot be read."""
    return list_runs(home() / TRASH)


def restore(wanted: str) -> RunDirectory:
    """Move a run back from the trash.

    Args:
        wanted: Its id, a unique prefix of it, or its name.

    Raises:
        RunError: There is no such run in the trash, or its id or name is taken.
    """
    run = find_among(deleted_runs(), wanted, f"in the trash {home() / TRASH}: `mnist-tui runs --trash` lists it")
    target = RunDirectory(home() / run.path.name)
    if target.path.exists():
        raise RunError(f"{target.path} exists already: move it away first")
    name = name_of(run)
    if name is not None:
        _check_free(name, target)
    try:
        run.path.rename(target.path)
    except OSError as error:
        raise RunError(f"run {run.id} cannot be moved to {home()} ({error.strerror}): make it writable") from None
    return target


def empty_trash() -> int:
    """Remove the runs in the trash for good, and return how many; raises RunError if one cannot be removed."""
    found = deleted_runs()
    for run in found:
        try:
            shutil.rmtree(run.path)
        except OSError as error:
            raise RunError(f"{run.path} cannot be removed ({error.strerror}): make it writable") from None
    return len(found)


def clean(run: RunDirectory) -> int:
    """Remove kept epochs and the checkpoints that `resume` does not need, of a finished run all; return bytes freed.

    Raises:
        RunError: The run is live, or a file cannot be removed.
    """
    with _idle(run):
        is_finished = summarize(run).status is Status.FINISHED
        freed = 0
        for path in [*run.checkpoint_paths()[0 if is_finished else 1 :], *kept_paths(run)]:
            try:
                freed += path.stat().st_size
                path.unlink()
            except OSError as error:
                raise RunError(f"{path} cannot be removed ({error.strerror}): make it writable") from None
        run.remove_temporaries()
    return freed


@contextlib.contextmanager
def _idle(run: RunDirectory) -> Iterator[None]:
    """Hold the lock of a run, so that no engine starts; raises RunError if it has one, here or elsewhere."""
    try:
        descriptor = run.lock.acquire()
    except OSError as error:
        raise RunError(f"{run.lock.path} cannot be written ({error.strerror}): make it writable") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            write_endpoint(descriptor, None)
        os.close(descriptor)


def _check_free(name: str, run: RunDirectory) -> None:
    """Raise RunError if another run has this name or id."""
    for other in list_runs():
        if other.path.name != run.path.name and name in (other.id, name_of(other)):
            raise RunError(f"run {other.id} is named {name!r} already: rename it first, or choose another name")
