"""Image files decoded with Pillow, and brought to one size, one background and grey or RGB."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from mnist_tui.engine.data.readers.reader import LARGEST, ReaderError, Report, first_line
from mnist_tui.image_layout import MAX_SIDE, MIN_SIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Source = str | bytes
"""Path of an image file as text, which is faster than a Path, or its content."""
Notes = dict[str, None]
"""Sentences about what was recognised or changed, each once, in order."""
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
REPORTED = 256
"""Images between two reports of the progress."""
LARGEST_SIDE_MADE = 64
"""Side that larger images are brought to: 96 would make training twice as slow."""
LIGHT = 127
"""Pixel values above it are light."""
SHARE = 0.9
"""Share of images that must be dark on light for all to be inverted."""


class _OtherShapeError(Exception):
    """An image is not as large as the first one, or too large, or in colours where the first one is grey."""


def stacked(
    sources: Sequence[Source], name_of: Callable[[int], str], report: Report
) -> "tuple[NDArray[np.uint8], list[str]]":
    """Decode images.

    Args:
        sources: Files or their contents.
        name_of: Function that returns the name of a source for an error message.
        report: Function to call with the progress.

    Returns:
        Images (n, height, width) or (n, height, width, 3) uint8, light on dark if they are grey; notes.

    Raises:
        ReaderError: An image is damaged, of an unknown format, or too large.
    """
    with warnings.catch_warnings():
        from PIL import Image

        warnings.simplefilter("ignore")  # about metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            notes = dict[str, None]()
            images = _same_shape(sources, name_of, report, notes)
        except _OtherShapeError:
            notes.clear()
            images = _brought_to_one_size(sources, name_of, report, notes)
    if images.ndim == 4 and _is_grey(images):
        images = images[..., 0].copy()
        notes["images without colours were read as grey"] = None
    if images.ndim == 3 and _is_dark_on_light(images):
        images = 255 - images
        notes["dark on a light background: inverted"] = None
    return images, list(notes)


@contextlib.contextmanager
def _opened(source: Source, name_of: Callable[[int], str], number: int) -> "Iterator[Image]":
    """Open an image and decode it in the block; raises ReaderError if it is damaged."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            yield image
    except (_OtherShapeError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise ReaderError(
            f"has an unknown or damaged image, {name_of(number)}", "expected one of " + ", ".join(FORMATS)
        ) from None
    except Exception as error:  # Pillow's formats raise OSError, SyntaxError, ValueError, struct.error and more
        raise ReaderError(
            f"has a damaged image, {name_of(number)} ({first_line(error)})", "restore or remove it"
        ) from None


def _same_shape(
    sources: Sequence[Source], name_of: Callable[[int], str], report: Report, notes: Notes
) -> "NDArray[np.uint8]":
    """Decode images that all have the shape of the first one; raises _OtherShapeError at another one."""
    import numpy as np

    stack = np.empty(0, np.uint8)
    for number, source in enumerate(sources):
        if number % REPORTED == 0:
            report(number, len(sources))
        with _opened(source, name_of, number) as image:
            if max(image.size) > MAX_SIDE or min(image.size) < MIN_SIDE:
                raise _OtherShapeError
            pixels = _pixels(image, notes)
        if not number:
            stack = _empty(len(sources), pixels.shape)
        elif pixels.shape != stack.shape[1:]:
            raise _OtherShapeError
        stack[number] = pixels
    return stack


def _empty(count: int, shape: tuple[int, ...]) -> "NDArray[np.uint8]":
    import numpy as np

    if count * prod(shape) > LARGEST:
        raise ReaderError(f"holds {count:,} images, which do not fit into {LARGEST / 1e9:,.1f} GB", "use fewer")
    return np.empty((count, *shape), np.uint8)


def _brought_to_one_size(
    sources: Sequence[Source], name_of: Callable[[int], str], report: Report, notes: Notes
) -> "NDArray[np.uint8]":
    """Decode images of any size as RGB, scaled to one size and centred on the colour of their border."""
    import numpy as np
    from PIL import Image

    sizes = []
    for number, source in enumerate(sources):
        with _opened(source, name_of, number) as image:
            sizes.append(image.size)
    smallest, largest = min(sizes), max(sizes)
    if smallest == largest and min(smallest) >= MIN_SIDE and max(largest) <= MAX_SIDE:
        width, height = smallest
    else:
        middle = int(np.median([max(size) for size in sizes]))
        width = height = min(max(middle, MIN_SIDE), LARGEST_SIDE_MADE)
        given = "x".join(map(str, smallest)) + (f" to {'x'.join(map(str, largest))}" if smallest != largest else "")
        notes[f"images of {given} pixels were scaled to {width}x{height}"] = None
    stack = _empty(len(sources), (height, width, 3))
    for number, source in enumerate(sources):
        if number % REPORTED == 0:
            report(number, len(sources))
        with _opened(source, name_of, number) as image:
            if image.size == (width, height):
                pixels = _pixels(image, notes)
                stack[number] = pixels if pixels.ndim == 3 else pixels[..., None]
                continue
            image.draft("RGB", (width, height))  # lets JPEG decode a smaller image
            pixels = _pixels(image, notes)
            share = min(width / pixels.shape[1], height / pixels.shape[0])
            size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
            scaled = np.asarray(Image.fromarray(pixels).resize(size, reducing_gap=3.0))
            left, top = (width - size[0]) // 2, (height - size[1]) // 2
            stack[number] = np.median(_borders(pixels[None]), axis=1)
            stack[number, top : top + size[1], left : left + size[0]] = (
                scaled if scaled.ndim == 3 else scaled[..., None]
            )
    return stack


def _pixels(image: "Image", notes: Notes) -> "NDArray[np.uint8]":
    """Return an image as (height, width) or (height, width, 3) uint8, on white if it is transparent."""
    import numpy as np

    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode.startswith("I"):
        notes["16-bit values were divided by 257"] = None
        return (np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8)
    if image.mode == "F":
        raise ValueError("its pixels are fractions")
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        from PIL import Image

        notes["transparent pixels were put on white"] = None
        image = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def _is_grey(images: "NDArray[np.uint8]") -> bool:
    """Return True if the three channels of all images are equal."""
    return all(
        bool((block[..., 0] == block[..., 1]).all() and (block[..., 0] == block[..., 2]).all())
        for block in (images[start : start + REPORTED] for start in range(0, len(images), REPORTED))
    )


def _borders(images: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return the outermost pixels of images, of shape (n, pixels) or (n, pixels, 3)."""
    import numpy as np

    return np.concatenate([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1)


def _is_dark_on_light(images: "NDArray[np.uint8]") -> bool:
    """Return True if most images are darker than their border, which is light."""
    import numpy as np

    background = np.median(_borders(images), axis=1)
    means = images.mean(axis=(1, 2), dtype=np.float32)
    return float(((background > LIGHT) & (means < background)).mean()) >= SHARE
