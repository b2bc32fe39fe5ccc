"""Search for the smallest change of an image that turns its prediction into another class."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.attribution import Floats, Model

STEPS = 30
"""Most times that a change found is made smaller."""
STEPS_ACROSS = 60
"""Most steps from the image to the other class."""
PATIENCE = 4
"""Steps without a smaller change after which the search ends."""
LEAD = 0.01
"""Least lead of the new class over all others, in log probability, so that rounding errors do not turn it back."""
SHARES = (1.0, 0.5, 0.2, 0.05)
"""Shares of the way to the nearest point of the plane that are tried together, each with all SCALES."""
SCALES = np.geomspace(0.7, 1.4, 8, dtype=np.float32)
REFINED = 16
"""Multiples that are tried between the largest that failed and the smallest that succeeded."""


@dataclass(frozen=True)
class Norm:
    """A measure of a change, in grey levels of 255."""

    title: str
    words: str
    of: Callable[[NDArray[np.floating]], float]
    direction: Callable[[Floats], Floats]
    """Direction of the smallest change that reaches a plane with this normal."""
    longest_step: float
    """Largest step across, in multiples of `direction`."""


NORMS: dict[str, Norm] = {
    "l2": Norm(
        "L2",
        "root of the sum of squares over all pixels",
        lambda change: float(np.linalg.norm(change)),
        lambda normal: normal / max(float(np.linalg.norm(normal)), 1e-30),
        64.0,
    ),
    "linf": Norm(
        "L∞",
        "largest change of a pixel",
        lambda change: float(np.abs(change).max()),
        np.sign,
        4.0,
    ),
}
"""The norms by their names."""


def smallest_change(
    model: Model, image: NDArray[np.uint8], target: int, norm: Norm, steps: int = STEPS
) -> Generator[None, None, NDArray[np.uint8] | None]:
    """Return the image with the smallest change found that is predicted as another class; None if none was found.

    Yields None between pieces of the work. As DeepFool does (Moosavi-Dezfooli et al. 2016), it replaces the boundary
    between the classes by a plane, step by step, until the prediction turns. Then it repeats: go to the boundary, and
    from there towards the point of the plane within 0..255 that is nearest to the image (Croce & Hein 2020). Only
    whole grey levels count, and the best of all steps, so more steps never find a larger change.

    Args:
        model: The classifier.
        image: Shape (height, width, channels).
        target: Class that the image should be predicted as.
        norm: Measure of the change.
        steps: Most times that a change found is made smaller.
    """
    start = image.astype(np.float32)
    change = yield from _across(model, start, target, norm)
    if change is None:
        return None
    best, change = yield from _to_boundary(model, start, change, target)
    smallest, unimproved = norm.of(best - start), 0
    for _ in range(steps):
        yield
        lead, normal = _plane(model, start + change, target)
        wanted = LEAD - lead + float((normal * change).sum())
        nearest = _reach(norm.direction(normal), normal, wanted, -start, 255 - start)
        yield
        candidates = [scale * (change + share * (nearest - change)) for share in SHARES for scale in SCALES]
        images = _rounded(start + np.stack(candidates))
        sizes = np.array([norm.of(each - start) for each in images])
        sizes[leads(model.log_probabilities(images), target) < LEAD] = np.inf
        place = int(sizes.argmin())
        if np.isfinite(sizes[place]):
            changed, change = yield from _to_boundary(model, start, candidates[place], target)
            if norm.of(changed - start) < smallest:
                best, smallest, unimproved = changed, norm.of(changed - start), 0
                continue
        unimproved += 1
        if unimproved == PATIENCE:
            break
    return best.astype(np.uint8)


def leads(log_probabilities: Floats, target: int) -> Floats:
    """Return the lead of a class over the most probable other class, `(n,)`."""
    others = np.delete(log_probabilities, target, axis=1).max(axis=1)
    return np.asarray(log_probabilities[:, target] - others)


def _across(model: Model, start: Floats, target: int, norm: Norm) -> Generator[None, None, Floats | None]:
    """Return a change that turns the prediction; None if none is found."""
    change = np.zeros_like(start)
    for _ in range(STEPS_ACROSS):
        yield
        lead, normal = _plane(model, _rounded(start + change), target)
        if lead >= LEAD:
            return change
        low, high = -start - change, 255 - start - change
        step = _reach(norm.direction(normal), normal, 1.1 * (LEAD - lead), low, high, norm.longest_step)
        change = change + step
    return None


def _to_boundary(
    model: Model, start: Floats, change: Floats, target: int
) -> Generator[None, None, tuple[Floats, Floats]]:
    """Return the image and the change at the smallest multiple found that turns the prediction, as `change` does."""
    below, above = 0.0, 1.0
    for _ in range(2):
        yield
        scales = np.linspace(below, above, REFINED + 1, dtype=np.float32)[1:]
        images = _rounded(start + scales[:, None, None, None] * change)
        turned = leads(model.log_probabilities(images), target) >= LEAD
        first = int(turned.argmax()) if turned.any() else REFINED - 1
        image, above = images[first], float(scales[first])
        below = float(scales[first - 1]) if first else below
    return image, np.clip(above * change, -start, 255 - start)


def _plane(model: Model, image: Floats, target: int) -> tuple[float, Floats]:
    """Return the lead of a class at an image, and its gradient."""
    row = model.log_probabilities(image[np.newaxis])[0]
    rival = int(np.where(np.arange(len(row)) == target, -np.inf, row).argmax())
    ours, theirs = (model.gradient(image[np.newaxis], one)[0] for one in (target, rival))
    return float(row[target] - row[rival]), ours - theirs


def _reach(direction: Floats, normal: Floats, wanted: float, low: Floats, high: Floats, longest: float = 1e5) -> Floats:
    """Return the shortest step along a direction, clipped to low..high, whose product with the normal is `wanted`.

    If the bounds or the longest step do not allow as much, it is the longest one.
    """
    shortest = 0.0
    for _ in range(40):
        middle = (shortest + longest) / 2
        if float((normal * np.clip(middle * direction, low, high)).sum()) < wanted:
            shortest = middle
        else:
            longest = middle
    return np.asarray(np.clip(longest * direction, low, high))


def _rounded(image: Floats) -> Floats:
    return np.asarray(np.rint(np.clip(image, 0, 255)))
