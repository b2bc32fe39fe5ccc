"""Small data sets in every format that is read."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

COUNT = 150
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8), dtype=np.uint8)
IMAGES[:, 0] = IMAGES[:, -1] = 0
LABELS = (np.arange(COUNT) % 10).astype(np.uint8)


def idx(array: NDArray[np.generic], kind: int = 8) -> bytes:
    """Return an array as an IDX file."""
    axes = b"".join(axis.to_bytes(4, "big") for axis in array.shape)
    return bytes([0, 0, kind, array.ndim]) + axes + array.tobytes()


def zipped(content: bytes, name: str = "train.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def frame(images: NDArray[Any] = IMAGES, labels: Any = LABELS) -> pd.DataFrame:
    """Return a table with the columns label, pixel0, pixel1, ..."""
    pixels = images.reshape(len(images), -1)
    table = pd.DataFrame(pixels, columns=[f"pixel{number}" for number in range(pixels.shape[1])])
    table.insert(0, "label", labels)
    return table


def png(image: NDArray[Any], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def image_folder(folder: Path, images: Any = IMAGES, labels: Any = LABELS) -> Path:
    """Write images as PNG, in a folder for each class."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        (folder / str(label) / f"{number:03}.png").write_bytes(png(image))
    return folder


def hub_table(images: Any = IMAGES, labels: Any = LABELS) -> pd.DataFrame:
    """Return a table as hubs of data sets store MNIST."""
    cells = [{"bytes": png(image), "path": f"{number}.png"} for number, image in enumerate(images)]
    return pd.DataFrame({"image": cells, "label": labels})


def idx_folder(folder: Path) -> Path:
    """Write the four files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(IMAGES))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    return folder


def listed_folder(folder: Path) -> Path:
    """Write images, and their labels as labels.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(IMAGES):
        (folder / f"{number}.png").write_bytes(png(image))
    rows = "".join(f"{number}.png,{label}\n" for number, label in enumerate(LABELS))
    (folder / "labels.csv").write_text("file,label\n" + rows)
    return folder


def write_npz(path: Path) -> Path:
    np.savez(path, x=IMAGES, y=LABELS)
    return path


def write_csv(path: Path) -> Path:
    text = frame().to_csv(index=False).encode()
    content = gzip.compress(text) if path.suffix == ".gz" else zipped(text) if path.suffix == ".zip" else text
    path.write_bytes(content)
    return path


def write_parquet(path: Path) -> Path:
    hub_table().to_parquet(path)
    return path


WRITERS = {
    "data.npz": write_npz,
    "data.csv": write_csv,
    "data.csv.gz": write_csv,
    "data.csv.zip": write_csv,
    "data.parquet": write_parquet,
    "idx": idx_folder,
    "classes": image_folder,
    "listed": listed_folder,
}
"""Name of a file or folder -> function that writes IMAGES and LABELS there."""
