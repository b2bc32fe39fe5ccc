"""Names of evaluated data sets."""

import os

import pytest

from mnist_tui.engine.jobs.__main__ import set_name
from mnist_tui.inspection.predictions import OWN_SPLITS

A, B = "1a2b3c4d" * 8, "5e6f7a8b" * 8


def test_a_named_data_set_keeps_its_name() -> None:
    assert set_name("mnist", A) == "set-mnist"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/test.npz", "set-test-1a2b3c4d"),
        ("/data/Own digits, v2.npz", "set-Own-digits-v2-1a2b3c4d"),
        ("/data/数字.npz", "set-数字-1a2b3c4d"),
        ("/data/\udcff..npz", "set-1a2b3c4d"),
        (f"/data/{'x' * 240}.npz", f"set-{'x' * 40}-1a2b3c4d"),
        ("/data/mnist.npz", "set-mnist-1a2b3c4d"),
    ],
)
def test_files_of_one_name_and_different_images_have_different_names(path: str, name: str) -> None:
    assert set_name(path, A) == name
    assert set_name(path, B) != name
    assert name not in OWN_SPLITS
    assert len(os.fsencode(f".{name}.1234567.npz")) < 255
