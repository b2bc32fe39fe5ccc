"""FORMATS: everything that a run can be exported as. Command line and screens list it.

To add a format, add an entry and its writer, a function (Source, Path) -> str.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_tui.runs.errors import RunError

if TYPE_CHECKING:
    from mnist_tui.export.source import Source

PACKAGES = {"parquet": ("pyarrow",), "tensorboard": ("tensorboardX",), "onnx": ("onnx", "tf2onnx")}
"""Extra of mnist-tui -> the packages that it installs."""


@dataclass(frozen=True)
class Format:
    """A format of exports."""

    name: str
    """Value of --format."""
    description: str
    file: str
    """Default name of the file or folder. Its suffix, or all of it, tells the format of a path."""
    writer: str
    """The function that writes it, as module:function."""
    extra: str = ""
    """Extra of mnist-tui that it needs."""
    is_folder: bool = False

    @property
    def suffix(self) -> str:
        """Suffix of the file; empty for a folder."""
        return Path(self.file).suffix

    def check(self) -> None:
        """Raise RunError if a package is missing."""
        check_packages(self.extra, f"format {self.name}")

    def write(self, source: "Source", path: Path) -> str:
        """Write a run to a file that is replaced, or into an empty folder; return what was written, in words.

        Raises:
            RunError: The run lacks what the format needs, or a package is missing.
            OSError: The path cannot be written.
        """
        self.check()
        module, _, name = self.writer.partition(":")
        found: str = getattr(import_module(module), name)(source, path)
        return found


FORMATS: list[Format] = [
    Format("csv", "History, one row a step", "steps.csv", "mnist_tui.export.tables:steps_csv"),
    Format("parquet", "History, one row a step", "steps.parquet", "mnist_tui.export.tables:steps_parquet", "parquet"),
    Format("epochs-csv", "History, one row an epoch", "epochs.csv", "mnist_tui.export.tables:epochs_csv"),
    Format(
        "epochs-parquet",
        "History, one row an epoch",
        "epochs.parquet",
        "mnist_tui.export.tables:epochs_parquet",
        "parquet",
    ),
    Format(
        "predictions", "Labels and probabilities as CSV", "predictions.csv", "mnist_tui.export.tables:predictions_csv"
    ),
    Format("rolling-csv", "Rolling evaluations, one row each", "rolling.csv", "mnist_tui.export.tables:rolling_csv"),
    Format("label-issues", "Label issues as CSV", "label-issues.csv", "mnist_tui.export.tables:label_issues_csv"),
    Format("reviews", "Label reviews as CSV", "reviews.csv", "mnist_tui.export.tables:label_reviews_csv"),
    Format(
        "corrected",
        "Data set with the reviewed labels, for --data",
        "corrected.npz",
        "mnist_tui.export.corrected:corrected_npz",
    ),
    Format("keras", "Model for Keras", "model.keras", "mnist_tui.export.model:keras_file"),
    Format(
        "saved-model",
        "Model for TensorFlow Serving, a folder",
        "saved-model",
        "mnist_tui.export.model:saved_model",
        is_folder=True,
    ),
    Format("onnx", "Model for ONNX Runtime", "model.onnx", "mnist_tui.export.model:onnx", "onnx"),
    Format("tflite", "Model for TensorFlow Lite", "model.tflite", "mnist_tui.export.model:tflite"),
    Format("source", "Model as Keras source code", "model.py", "mnist_tui.export.model:source_code"),
    Format(
        "tensorboard",
        "Logs for TensorBoard, a folder",
        "tensorboard",
        "mnist_tui.export.tensorboard:logs",
        "tensorboard",
        is_folder=True,
    ),
    Format("html", "Report as one HTML page", "report.html", "mnist_tui.export.report:html"),
    Format("markdown", "Report as Markdown", "report.md", "mnist_tui.export.report:markdown"),
    Format("matrix-png", "Confusion matrix as PNG", "matrix.png", "mnist_tui.export.matrix:png"),
    Format("matrix-svg", "Confusion matrix as SVG", "matrix.svg", "mnist_tui.export.matrix:svg"),
]


def check_packages(extra: str, what: str) -> None:
    """Raise RunError if a package of an extra is missing that something needs."""
    missing = [package for package in PACKAGES.get(extra, ()) if find_spec(package) is None]
    if missing:
        raise RunError(f"{what} needs the package {' and '.join(missing)}: pip install 'mnist-tui[{extra}]'")


def format_named(name: str) -> Format:
    """Return the format with a name, or a default file like steps.csv; RunError with the nearest names for others."""
    from mnist_tui.settings import alike_names

    known = {each.name: each for each in FORMATS}
    files = {each.file.replace(".", "-"): each for each in FORMATS}
    found = known.get(name) or files.get(name.replace(".", "-"))
    if found is not None:
        return found
    alike = alike_names(name, known)
    fix = f"did you mean {' or '.join(alike)}?" if alike else f"choose one of {', '.join(known)}"
    raise RunError(f"--format {name[:60]!r} is not known: {fix}")


def format_of(path: Path) -> Format:
    """Return the format that a path's name tells; raises RunError if it is not clear."""
    exact = [each for each in FORMATS if each.file == path.name]
    alike = exact or [each for each in FORMATS if path.suffix and each.suffix == path.suffix.lower()]
    if len(alike) == 1:
        return alike[0]
    choices = ", ".join(each.name for each in alike or FORMATS)
    raise RunError(f"-o {path.name[:60]!r} does not tell the format: give --format with one of {choices}")
