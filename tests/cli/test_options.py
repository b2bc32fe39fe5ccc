"""Unknown options are answered with those that the user may have meant."""

import sys

import pytest

from mnist_tui.cli.main import run_command
from mnist_tui.cli.wiring import UsageError


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("train --lr 0.1", "there is no option --lr: did you mean --learning-rate?"),
        ("train --lr=0.1", "did you mean --learning-rate?"),
        ("train -lr 0.1", "there is no option -lr: did you mean --learning-rate?"),
        ("train --bs 64", "did you mean --batch-size?"),
        ("train --epoch 3", "did you mean --epochs?"),
        ("train --rate 0.1", "did you mean --learning-rate?"),
        ("train --Learning_Rate 0.1", "did you mean --learning-rate?"),
        ("train --optimiser sgd", "did you mean --optimizer?"),
        ("train --preci float32", "did you mean --precision?"),
        ("set last --lr 0.1", "did you mean --learning-rate?"),
        ("runs --jsn", "did you mean --json?"),
        ("stop last --nwo", "did you mean --now?"),
        ("--epochs 3", "there is no option --epochs: did you mean train --epochs?"),
        ("train --zzz", "there is no option --zzz: see `mnist-tui train --help`"),
        ("trian", "did you mean 'train'"),
    ],
)
def test_an_unknown_option_is_answered_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, line: str, meant: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", *line.split()])
    with pytest.raises(UsageError) as caught:
        run_command()
    assert meant in str(caught.value).replace("Did", "did")
