"""Source of an own model: the file, and the modules beside it that it imports, as a run keeps them in `source/`."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mnist_tui.config import ConfigError, ModelChoice, RunConfig, shortened
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.untrusted import read_bytes

MAX_SOURCE_BYTES = 1 << 20
"""Bytes of one Python file."""
MAX_SOURCES = 200
MAX_MODEL_BYTES = 1 << 30
"""Bytes of a saved model."""
ENGINE_PACKAGES = frozenset({"keras", "numpy", "tensorflow", "jax", "torch", "mnist_tui"})
"""Packages that the engine imports first, so that no file beside the model can take their place."""

Files = dict[str, bytes]
"""Content of each file by its path relative to the model's folder."""


class Source:
    """The files that an own model is built from, and the packages that it imports besides."""

    def __init__(self, text: str) -> None:
        """Read the files of a model that ModelChoice parses; raises ConfigError."""
        self.choice = ModelChoice.parse(text)
        self.files: Files = {}
        self.packages: set[str] = set()
        """Top-level names of the installed packages that the files import, without Keras and its backends."""
        self.notes: tuple[str, ...] = ()
        """Sentences of the check about the model."""
        self._add(self.choice.path)

    def write(self, folder: Path) -> None:
        """Write the files into a folder, which is created; raises OSError."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    @property
    def note(self) -> str:
        """Sentence about the files that a run keeps and those that it does not."""
        kept = f"the run keeps {', '.join(self.files)}"
        if not self.choice.function:
            return kept
        packages = (
            f"the installed packages it imports ({', '.join(sorted(self.packages))}) or " if self.packages else ""
        )
        return f"{kept}, but not {packages}other files it opens"

    def _add(self, path: Path) -> None:
        name = str(path.relative_to(self.choice.path.parent))
        if name in self.files:
            return
        most = MAX_SOURCE_BYTES if self.choice.function else MAX_MODEL_BYTES
        try:
            self.files[name] = read_bytes(path, most)
        except OSError as error:
            raise ConfigError(
                f"model {shortened(str(path))} cannot be read ({error.strerror}): give another file"
            ) from None
        if len(self.files) > MAX_SOURCES:
            raise ConfigError(f"model {self.choice.name} imports over {MAX_SOURCES} files beside it: move it elsewhere")
        if self.choice.function:
            for module in _imported(self.files[name]):
                self._add_module(module)

    def _add_module(self, module: str) -> None:
        """Add a module of the model's folder; another one is an installed package."""
        folder, (top, *_) = self.choice.path.parent, module.split(".")
        if top in sys.stdlib_module_names or top in ENGINE_PACKAGES:
            return
        if (folder / top).is_dir() and next((folder / top).glob("*.py"), None):
            for path in sorted((folder / top).rglob("*.py")):
                self._add(path)
        elif (folder / f"{top}.py").is_file():
            self._add(folder / f"{top}.py")
        else:
            self.packages.add(top)


def keep_source(run: RunDirectory, source: Source) -> None:
    """Keep the source of a run's own model, and what is to say about it; raises RunError."""
    try:
        source.write(run.source_path)
        run.write_record(msgspec.structs.replace(run.record(), model_notes=(source.note, *source.notes)))
    except OSError as error:
        raise RunError(f"{run.source_path} cannot be written ({error.strerror}): free some space") from None


def kept_model(run: RunDirectory, config: RunConfig) -> str | None:
    """Return the model of a run's settings as `ModelChoice` text that names the copy in the run directory."""
    return None if config.model is None else str(ModelChoice.parse(config.model).at(run.source_path))


def changed_words(run: RunDirectory, config: RunConfig) -> str:
    """Return a clause if an own model's files are no longer what the run keeps; empty if they are, or without one."""
    if config.model is None:
        return ""
    path = ModelChoice.parse(config.model).path
    try:
        same = Source(config.model).files == Source(str(kept_model(run, config))).files
    except ConfigError:
        return f"{path} cannot be read any more" if run.source_path.is_dir() else ""
    return "" if same else f"{path} has changed since run {run.id} was started"


def _imported(content: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # importing it shows the error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
