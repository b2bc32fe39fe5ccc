"""Pictures that a user gives for prediction: image files of any mode and size, arrays, and bytes from a pipe."""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.untrusted import read_bytes, sanitize

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats of Pillow that are read; some others start programs."""
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm"})
ARRAY = ".npy"
NPY_MAGIC = b"\x93NUMPY"
MAX_BYTES = 512 << 20
MOST_FILES = 10_000
"""Files of a folder."""
LIGHT = 128


class PictureError(Exception):
    """A file cannot be predicted. The message continues a sentence that begins with the file's name."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a file."""

    source: str
    """Path as the user gave it, with the number of the image if the file has several."""
    pixels: NDArray[np.uint8]
    """Shape (height, width) grey or (height, width, 3) RGB."""

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Shape (height, width)."""
        from PIL import Image

        return self.pixels if self.pixels.ndim == 2 else np.asarray(Image.fromarray(self.pixels).convert("L"))


def printable(path: str) -> str:
    """Return a path that can be printed and encoded, whatever bytes the file's name has."""
    return sanitize(os.fsencode(path).decode(errors="replace"))


def is_picture(path: Path) -> bool:
    """Return True if a file's name looks like that of an image or an array."""
    return path.suffix.lower() in SUFFIXES | {ARRAY} and not path.name.startswith(".")


def pictures_in(folder: Path) -> list[Path]:
    """Return the images and arrays in a folder, by name, without those of its folders; raises PictureError."""
    try:
        found = sorted(path for path in folder.iterdir() if is_picture(path) and not path.is_dir())
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror}): make it readable") from None
    if not found:
        raise PictureError(f"holds no images: give a folder with files such as digit.png or {'digits' + ARRAY}")
    if len(found) > MOST_FILES:
        raise PictureError(f"holds {len(found):,} images: give a folder with at most {MOST_FILES:,}")
    return found


def read_pictures(path: Path, source: str) -> list[Picture]:
    """Read an image file or an .npy file; raises PictureError."""
    try:
        data = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror}): give an image or an {ARRAY} file") from None
    return decoded(data, source)


def decoded(data: bytes, source: str) -> list[Picture]:
    """Decode the bytes of an image file or an .npy file; raises PictureError."""
    if not data:
        raise PictureError("is empty: give an image or an array")
    if not data.startswith(NPY_MAGIC):
        return [Picture(source, _image(data))]
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # NumPy's own errors for a damaged header are of many types
        reason = "Python objects" if "Object arrays" in str(error) else "damaged or truncated"
        raise PictureError(f"cannot be read ({reason}): save numbers with numpy.save") from None
    images = _array_images(array)
    if len(images) == 1:
        return [Picture(source, images[0])]
    return [Picture(f"{source}[{number}]", image) for number, image in enumerate(images)]


def _image(data: bytes) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    is_known = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                is_known = True
                image.load()
                return _pixels(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise PictureError(f"has more than {most} million pixels: reduce it first") from None
    except PictureError:
        raise
    except Exception as error:  # each of Pillow's decoders has errors of its own
        if not is_known:
            raise PictureError("is no image: give a PNG, JPEG, GIF, BMP, TIFF, WebP or PNM file") from None
        reason = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise PictureError(f"cannot be decoded (it is {reason}): save it again") from None


def _pixels(image: "PillowImage") -> NDArray[np.uint8]:
    """Return an image of any mode as grey or RGB."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return _eight_bits(np.asarray(image).astype(np.uint16))
    if image.mode in ("I", "F"):
        return _eight_bits(np.asarray(image))
    if "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa", "RGBA"):
        image = image.convert("RGBA")
        alpha = np.asarray(image)[..., 3]
        shades = np.asarray(image.convert("RGB").convert("L"))[alpha > 0]
        behind = 255 if shades.size and shades.mean() < LIGHT else 0  # so that ink on nothing can be seen
        image = Image.alpha_composite(Image.new("RGBA", image.size, (behind, behind, behind, 255)), image)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    colours = np.asarray(image.convert("RGB"))
    is_grey = np.array_equal(colours[..., 0], colours[..., 1]) and np.array_equal(colours[..., 1], colours[..., 2])
    return colours[..., 0].copy() if is_grey else colours


def _array_images(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an array of images `(n, height, width)` or `(n, height, width, 3)`."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3 and array.shape[0] > 3):
        array = array[np.newaxis]
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    is_known = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)
    if not is_known or not array.size or array.dtype.kind not in "buif":
        shape = " x ".join(map(str, array.shape)) or "no axes"
        raise PictureError(f"holds {array.dtype} of shape {shape}: give (n, height, width), (height, width) or RGB")
    return _eight_bits(array)


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale booleans, fractions 0..1 and 16-bit values to 0..255."""
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PictureError("holds a value that is not finite: give values 0..255, 0..1 or 0..65535")
    if low < 0 or high > 65_535:
        raise PictureError(f"holds values from {low:g} to {high:g}: give values 0..255, 0..1 or 0..65535")
    is_fraction = values.dtype.kind == "b" or (values.dtype.kind == "f" and high <= 1)
    factor = 255.0 if is_fraction else 1 / 257 if high > 255 or values.dtype == np.uint16 else 1.0
    return np.asarray(np.rint(values.astype(np.float64) * factor), dtype=np.uint8)
