"""Verdicts written down for other programs, with what the network made of the digits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mnist_tui.analysis.verdict_csv import Answer, to_csv
from mnist_tui.analysis.verdicts import Verdict, part_of
from mnist_tui.evidence.evidence import Evidence
from mnist_tui.evidence.predictions import VALIDATION, Moment
from mnist_tui.runs.directory import RunDirectory, RunError, replacing
from mnist_tui.runs.history import History

FILE = "verdicts.csv"


def export_verdicts(
    run: RunDirectory,
    evidence: Evidence,
    history: History,
    moment: Moment,
    verdicts: Sequence[Verdict],
    names: Sequence[str] = (),
) -> tuple[Path, int]:
    """Write verdicts that hold for the run to `verdicts.csv` in its directory; returns the path and their number.

    The answers beside them are those of `moment`; of digits that it does not have, those of the newest epoch, the final
    test and other sets. Raises RunError when the file cannot be written.
    """
    newest = [Moment(VALIDATION, epoch.epoch) for epoch in history.epochs[-1:]]
    others = [each for each in evidence.moments(history) if each.epoch is None]
    text = to_csv(verdicts, names, answers_to(verdicts, evidence, [moment, *newest, *others]))
    path = run.path / FILE
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): make room and export again") from None
    return path, len(verdicts)


def answers_to(
    verdicts: Iterable[Verdict], evidence: Evidence, moments: Iterable[Moment]
) -> dict[tuple[str, int], Answer]:
    """What the network made of the judged digits, by `Verdict.digit`, from the first moment that has them.

    A moment that cannot be read is passed over.
    """
    labels = {each.digit: each.label for each in verdicts}
    found: dict[tuple[str, int], Answer] = {}
    for moment in moments:
        part = part_of(moment.split)
        wanted = [index for where, index in labels if where == part and (where, index) not in found]
        if not wanted:
            continue
        try:
            read = evidence.predictions(moment)
        except RunError:
            continue
        for row in np.flatnonzero(np.isin(read.indices, wanted)).tolist():
            digit = (part, int(read.indices[row]))
            if read.labels[row] == labels[digit]:
                predicted = int(read.probabilities[row].argmax())
                found[digit] = Answer(predicted, float(read.probabilities[row, predicted]))
    return found
