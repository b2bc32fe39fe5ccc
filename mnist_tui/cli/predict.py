"""`mnist-tui predict`: predict image files, photographs of handwriting, arrays and tables with a run's model."""

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_tui.cli.output import check_output, is_stdout, show_progress, write_output
from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import UsageError, load_images
from mnist_tui.config import ConfigError
from mnist_tui.control.protocol import PredictedImages
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunDirectory, find_run
from mnist_tui.settings import user_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from mnist_tui.analysis.handwriting import Handwriting
    from mnist_tui.inspection.pictures import Picture
    from mnist_tui.inspection.predicting import Prediction, Target, Threshold, Treatment

STDIN = "-"
MOST_IMAGES = 100_000
"""Images in one call."""
STEP_COLUMNS = 38
"""Columns of an image of --show: two fit into 80."""
HEADINGS = (
    *("file", "digit", "class", "name", "probability", "runner_up", "runner_up_probability", "unsure", "unlike"),
    *("distance", "left", "top", "width", "height", "notes"),
)
FAILED = 2
"""Exit status if a file could not be predicted, as for all bad input."""


@dataclass
class _Work:
    """The pictures that could be prepared, and the sentences for the others."""

    pictures: "list[tuple[str, Handwriting]]" = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, source: str, error: object) -> None:
        sentence = f"{source} {sanitize(str(error))}"
        self.errors.append((source, sentence))
        click.echo(f"mnist-tui: {sentence}", err=True)


@click.command(
    help="Predict images with a run's model. FILE is an image of any size, an .npy, .csv, .npz or Parquet file, a"
    " folder of images, or - for stdin. If the run's data are like MNIST, photographs of several handwritten digits"
    " are taken apart. The other files are predicted even if one cannot be read; the exit status is then 2."
    f" {RUN_HELP}"
)
@click.argument("run")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a CSV table with a row per image.")
@click.option("--show", is_flag=True, help="Draw each picture and all steps to the model's input.")
@click.option("--digits", is_flag=True, help="Search for digits, whatever the run's data.")
@click.option("--as-is", is_flag=True, help="Only resize the pictures to the model's shape.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Probability below which a prediction is unsure; by default from the validation predictions.",
)
@click.option("-o", "path", metavar="PATH", default=STDIN, help="Write to this file instead of stdout.")
def predict(
    run: str,
    files: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    show: bool,
    digits: bool,
    as_is: bool,
    threshold: float | None,
    path: str,
) -> int:
    from mnist_tui.inspection.figures import class_names
    from mnist_tui.inspection.predicting import Target, Threshold, Treatment, default_threshold, judged, stacked
    from mnist_tui.runs.summary import history_without_steps

    if digits and as_is:
        raise UsageError("--digits and --as-is exclude each other: give one of them")
    if as_json + as_csv + show > 1:
        raise UsageError("--json, --csv and --show exclude each other: give one of them")
    if not is_stdout(path) and not (as_json or as_csv):
        raise UsageError("-o writes a table or a document: give --csv or --json as well")
    found = find_run(run)
    check_output(path)
    target, history = Target.of(found), history_without_steps(found)
    treatment = Treatment.DIGITS if digits else Treatment.AS_IS if as_is else Treatment.AUTO
    work = _prepare(files, target, treatment)
    chosen = Threshold(threshold, "as given") if threshold is not None else default_threshold(found, history)
    predictions: list[Prediction] = []
    limit = None
    if work.pictures:
        predicted = _predicted(found, stacked([handwriting for _, handwriting in work.pictures]))
        limit = predicted.limit
        predictions = judged(predicted.probabilities, predicted.distances, limit, chosen.value)
    names = class_names(history, len(predictions[0].probabilities) if predictions else 0)
    document = _document(found, work, predictions, names, chosen, limit)
    if as_json:
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        write_output(path, text)
    elif as_csv:
        write_output(path, _table(document))
    else:
        _print(work, document, show=show)
    if not is_stdout(path):
        click.echo(f"{len(predictions):,} predictions written to {sanitize(path)}", err=True)
    return FAILED if work.errors else 0


def _prepare(files: tuple[str, ...], target: "Target", treatment: "Treatment") -> _Work:
    """Read all files and find their images; what cannot be used is reported, and the rest goes on."""
    from mnist_tui.inspection.pictures import PictureError, printable
    from mnist_tui.inspection.predicting import prepared

    work, count = _Work(), 0
    for given in files:
        try:
            for name, source in _sources(given):
                try:
                    pictures = _pictures(name, source)
                except PictureError as error:
                    work.fail(source, error)
                    continue
                for picture in pictures:
                    try:
                        handwriting = prepared(picture, target, treatment)
                    except PictureError as error:
                        work.fail(picture.source, error)
                        continue
                    count += len(handwriting.digits)
                    if count > MOST_IMAGES:
                        raise UsageError(f"there are more than {MOST_IMAGES:,} images: give fewer files at a time")
                    work.pictures.append((picture.source, handwriting))
        except PictureError as error:
            work.fail(printable(given), error)
        except ConfigError as error:
            work.errors.append((printable(given), str(error)))
            click.echo(f"mnist-tui: {sanitize(str(error))}", err=True)
    return work


def _sources(given: str) -> Iterator[tuple[Path | None, str]]:
    """Yield the files behind an argument, each with its name for people; None is stdin."""
    from mnist_tui.inspection.pictures import pictures_in, printable

    if given == STDIN:
        yield None, "stdin"
        return
    path = user_path(given, "FILE")
    if not path.is_dir():
        yield path, printable(given)
        return
    for file in pictures_in(path):
        yield file, printable(str(Path(given) / file.name))


def _pictures(path: Path | None, source: str) -> "list[Picture]":
    """Return the pictures of a file or of stdin; raises PictureError or ConfigError."""
    from mnist_tui.inspection.pictures import MAX_BYTES, Picture, PictureError, decoded, read_pictures

    if path is None:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise PictureError(f"holds more than {MAX_BYTES >> 20} MB: give a smaller image")
        return decoded(data, source)
    if not _is_table(path):
        return read_pictures(path, source)
    return [Picture(f"{source}[{number}]", image) for number, image in enumerate(load_images(str(path)))]


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".csv", ".csv.gz", ".csv.zip", ".npz", ".parquet"))


def _predicted(run: RunDirectory, images: "NDArray[np.uint8]") -> PredictedImages:
    from mnist_tui.control.predicting import predict_in_job

    try:
        return predict_in_job(run, images, lambda report: show_progress(report.message, report.progress))
    finally:
        show_progress("")


def _document(
    run: RunDirectory,
    work: _Work,
    predictions: "list[Prediction]",
    names: tuple[str, ...],
    threshold: "Threshold",
    limit: float | None,
) -> dict[str, Any]:
    rows = iter(predictions)
    return {
        "run": run.id,
        "classes": list(names),
        "threshold": threshold.value,
        "threshold_from": threshold.reason,
        "distance_limit": limit,
        "files": [
            {
                "file": source,
                "notes": list(handwriting.notes),
                "digits": [{"box": digit.box._asdict()} | _figures(next(rows), names) for digit in handwriting.digits],
            }
            for source, handwriting in work.pictures
        ],
        "errors": [{"file": source, "error": sentence} for source, sentence in work.errors],
    }


def _figures(prediction: "Prediction", names: tuple[str, ...]) -> dict[str, Any]:
    first, second, *_ = prediction.ranked
    return {
        "class": first,
        "name": names[first],
        "probability": prediction.probabilities[first],
        "runner_up": {"class": second, "name": names[second], "probability": prediction.probabilities[second]},
        "unsure": prediction.is_unsure,
        "unlike": prediction.is_unlike,
        "doubts": list(prediction.doubts),
        "distance": prediction.distance,
        "probabilities": list(prediction.probabilities),
    }


def _table(document: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for file in document["files"]:
        for number, digit in enumerate(file["digits"], 1):
            second = digit["runner_up"]
            writer.writerow(
                (
                    *(file["file"], number, digit["class"], digit["name"], f"{digit['probability']:.6f}"),
                    *(second["name"], f"{second['probability']:.6f}", int(digit["unsure"]), int(digit["unlike"])),
                    *(f"{digit['distance']:.6f}", *digit["box"].values(), " ".join(file["notes"])),
                )
            )
    return text.getvalue()


def _print(work: _Work, document: dict[str, Any], *, show: bool) -> None:
    """Print a line for each picture with one image; the others have a heading, and a line for each image."""
    from mnist_tui.cli.listing import console

    out = console()
    say = partial(out.print, highlight=False, soft_wrap=True)
    for (source, handwriting), file in zip(work.pictures, document["files"], strict=True):
        digits = file["digits"]
        if len(digits) > 1 or show:
            words = [digit["name"] for digit in digits]
            say(f"{source}: {sanitize((' ' if max(map(len, words)) > 1 else '').join(words))}", style="bold")
        if show:
            _show_steps(out, handwriting)
        has_boxes = any(digit.box[2:] != digit.image.shape[1::-1] for digit in handwriting.digits)
        for digit in digits:
            start = f"{source}  " if len(digits) == 1 and not show else "  "
            say(start + _line(digit, max(len(digit["name"]) for digit in digits), with_box=has_boxes))
        for note in file["notes"]:
            say(f"  {note}")
    if document["files"]:
        say(f"Unsure: below {percent(document['threshold'], 1)} ({document['threshold_from']}).", style="dim")
        limit = document["distance_limit"]
        say(
            f"Unlike the training data: farther than {limit:.3f} (99 % of the validation images are nearer).",
            style="dim",
        )


def _line(digit: dict[str, Any], width: int, *, with_box: bool) -> str:
    second, box = digit["runner_up"], digit["box"]
    words = f"{sanitize(digit['name']):<{width}}  {percent(digit['probability'], 1):>7}"
    words += f"   then {sanitize(second['name'])} {percent(second['probability'], 1)}"
    if with_box:
        words += f"   {box['width']}x{box['height']} at {box['left']},{box['top']}"
    return "   ".join((words, *filter(None, (", ".join(digit["doubts"]),))))


def _show_steps(out: "Console", handwriting: "Handwriting") -> None:
    from mnist_tui.cli.listing_data import print_sheet
    from mnist_tui.inspection.predicting import step_tiles

    for tiles in step_tiles(handwriting, min(STEP_COLUMNS, out.width)):
        print_sheet(out, tiles, widest=tiles[0].image.shape[1], most_rows=None)
