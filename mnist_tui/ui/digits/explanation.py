"""An engine's explanation of one digit as pictures with words."""

from collections import Counter
from collections.abc import Sequence

from mnist_tui.analysis.confusion import class_name
from mnist_tui.control.protocol import Explanation
from mnist_tui.render.text import percent
from mnist_tui.ui.digits.image_grid import Small


def neighbour_pictures(explained: Explanation, true: int, predicted: int, names: Sequence[str]) -> tuple[Small, ...]:
    """The digits that look alike to the network, the nearest first: label, split, index and distance."""
    splits = {"train": "training"}

    def colour(label: int) -> str:
        return "true_class" if label == true else "predicted_class" if label == predicted else "foreground"

    return tuple(
        Small(
            each.image,
            f"{class_name(each.label, names)} {splits.get(each.split, each.split)}",
            f"#{each.index:05d} {each.distance:.3f}",
            colour(each.label),
        )
        for each in explained.neighbours
    )


def neighbour_title(explained: Explanation, names: Sequence[str]) -> str:
    """What the neighbours are labelled, the most frequent first."""
    counts = Counter(each.label for each in explained.neighbours).most_common(3)
    return "labelled " + ", ".join(f"{class_name(label, names)} ×{count}" for label, count in counts)


def variant_pictures(explained: Explanation, true: int, names: Sequence[str]) -> tuple[Small, ...]:
    """The digit under small changes, with the answers; wrong ones are marked."""
    return tuple(
        Small(
            each.image,
            each.name,
            f"{'' if each.predicted == true else '✗ '}{class_name(each.predicted, names)}"
            f"  {percent(each.confidence, 1)}",
            "foreground",
            "quiet" if each.predicted == true else "wrong",
        )
        for each in explained.variants
    )


def variant_title(explained: Explanation, true: int) -> str:
    """How many of the changes leave the answer right."""
    right = sum(each.predicted == true for each in explained.variants)
    return f"{right} of {len(explained.variants)} read right"
