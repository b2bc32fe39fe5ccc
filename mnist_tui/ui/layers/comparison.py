"""The second side of the layers screen: another epoch of the run, or another run, whose model may have to be loaded."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.confusion.choose_reference import PREVIOUS, Reference
from mnist_tui.ui.layers.inspections import Inspections
from mnist_tui.ui.layers.sides import Side, side_of
from mnist_tui.ui.session import RunSession


class Comparison:
    """Another epoch or run to compare with. `on_change` is called in a thread when another run's engine replied."""

    def __init__(self, session: RunSession, own: Inspections, on_change: Callable[[], object]) -> None:
        self._session = session
        self._own = own
        self._on_change = on_change
        self._other: tuple[RunSession, Inspections] | None = None
        self.reference: Reference | Literal["previous"] | None = None
        """The other side; None without a comparison."""

    def begin(self, reference: Reference | Literal["previous"] | None) -> str:
        """Compare with something else, None: with nothing. Returns why that is impossible; empty if it is possible."""
        self.close()
        if isinstance(reference, Reference) and reference.run is not None:
            try:
                session = RunSession(reference.run, self._session.clock)
            except RunError as error:
                return str(error)
            session.poll()
            session.travel_to(reference.point)
            self._other = session, Inspections(session.run, self._take_reply)
            if not session.view.has_engine:
                session.model_loader.begin()
                threading.Thread(target=self._load, args=(session,), daemon=True).start()
        self.reference = reference
        return ""

    def close(self) -> None:
        """Stop comparing, and detach from another run's engine."""
        self.reference = None
        if self._other is not None:
            session, inspections = self._other
            self._other = None
            inspections.close()
            session.close()

    def poll(self) -> bool:
        """Read the events of another run; return True if its view changed."""
        return self._other is not None and self._other[0].poll()

    def side(self, points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> Side | None:
        """Return the other side, if there is one.

        Args:
            points: The run's own evaluations that can be shown.
            point: The one that is shown.
        """
        if self._other is not None:
            session, inspections = self._other
            return side_of(session, inspections, session.full_point, session.record.name)
        if self.reference == PREVIOUS:
            before = previous(points, point)
            return None if before is None else side_of(self._session, self._own, before)
        if isinstance(self.reference, Reference):
            return side_of(self._session, self._own, self.reference.point)
        return None

    def _load(self, session: RunSession) -> None:
        session.model_loader.start()
        session.recheck_engine()

    def _take_reply(self) -> None:
        if self._other is not None:
            self._other[0].model_loader.finish("")
        self._on_change()


def previous(points: Sequence[EvaluationPoint], point: EvaluationPoint | None) -> EvaluationPoint | None:
    """Return the epoch before the one that is shown, if there is one."""
    epochs = [each for each in points if each.epoch is not None]
    place = epochs.index(point) if point in epochs else 0
    return epochs[place - 1] if place else None
