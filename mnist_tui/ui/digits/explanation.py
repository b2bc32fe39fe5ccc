"""The neighbours and variants of an explanation, as images with captions."""

from collections import Counter
from collections.abc import Sequence

from mnist_tui.analysis.confusion import class_name
from mnist_tui.control.protocol import Explanation
from mnist_tui.render.text import percent
from mnist_tui.ui.digits.image_grid import GridImage


def neighbour_images(
    explanation: Explanation, true: int, predicted: int, names: Sequence[str]
) -> tuple[GridImage, ...]:
    """Return the nearest neighbours with label, split, index and distance, the nearest first."""
    colours = {predicted: "predicted_class", true: "true_class"}
    return tuple(
        GridImage(
            each.image,
            f"{class_name(each.label, names)} {'training' if each.split == 'train' else each.split}",
            f"#{each.index:05d} {each.distance:.3f}",
            colours.get(each.label, "foreground"),
        )
        for each in explanation.neighbours
    )


def neighbour_title(explanation: Explanation, names: Sequence[str]) -> str:
    """Return the three most frequent labels of the neighbours."""
    counts = Counter(each.label for each in explanation.neighbours).most_common(3)
    return "labelled " + ", ".join(f"{class_name(label, names)} ×{count}" for label, count in counts)


def variant_images(explanation: Explanation, true: int, names: Sequence[str]) -> tuple[GridImage, ...]:
    """Return the variants with their predictions; wrong ones are marked."""
    return tuple(
        GridImage(
            each.image,
            each.name,
            ("" if each.predicted == true else "✗ ")
            + f"{class_name(each.predicted, names)}  {percent(each.confidence, 1)}",
            "foreground",
            "quiet" if each.predicted == true else "wrong",
        )
        for each in explanation.variants
    )


def variant_title(explanation: Explanation, true: int) -> str:
    """Return how many variants are predicted correctly."""
    correct = sum(each.predicted == true for each in explanation.variants)
    return f"{correct} of {len(explanation.variants)} correct"
