"""The arithmetic screen: what it shows of a cell, how the keys move, and what it asks the engine for."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from textual.pilot import Pilot

from mnist_tui.control.protocol import Inspect, Inspection, LayerView, Reply, Request, Tensor
from mnist_tui.ui.arithmetic.numbers import side_by_side
from mnist_tui.ui.arithmetic.screen import ArithmeticScreen, Computed
from mnist_tui.ui.session import ImageAtHand
from mnist_tui.ui.theme import DARK, palette
from tests.kit.recording import recorded_run
from tests.ui.host import SIZES, Host
from tests.ui.inspections import answer

Floats = NDArray[np.floating]
NAMES = tuple("0123456789")
IMAGE = np.arange(81).reshape(9, 9).astype(np.uint8)
MAPS = np.random.default_rng(0).normal(size=(9, 9, 2)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(size=(3, 3, 2, 4)).astype(np.float32)
CONVOLUTION = {"strides": [1, 1], "padding": "valid", "dilation_rate": [1, 1], "groups": 1, "activation": "relu"}
DENSE = np.random.default_rng(2).normal(size=(162, 3)).astype(np.float32)
LOGITS = np.array([1.0, 3.0, 2.0, *range(-7, 0)], dtype=np.float32)


def tensor(values: Floats) -> Tensor:
    return Tensor(values.shape, values.astype("<f4").tobytes())


def view(
    name: str, kind: str, inputs: tuple[str, ...], output: Floats, weights: Mapping[str, Floats] = {}, **config: object
) -> LayerView:
    tensors = {key: tensor(each) for key, each in weights.items()}
    return LayerView(name, kind, inputs, output.shape, config, output=tensor(output), weights=tensors)


def convolved() -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(MAPS, (3, 3), axis=(0, 1))
    return np.asarray(np.maximum(np.einsum("yxchw,hwcf->yxf", windows, KERNEL), 0))


LAYERS = {
    "images": view("images", "InputLayer", (), IMAGE[..., None].astype(np.float32)),
    "before": view("before", "ReLU", ("images",), MAPS),
    "conv": view("conv", "Conv2D", ("before",), convolved(), {"kernel": KERNEL}, **CONVOLUTION),
    "logits": view("logits", "Identity", ("conv",), LOGITS),
    "curved": view("curved", "Activation", ("before",), np.tanh(MAPS), activation="tanh"),
    "flat": view("flat", "Flatten", ("before",), MAPS.ravel()),
    "dense": view("dense", "Dense", ("flat",), MAPS.ravel() @ DENSE, {"kernel": DENSE}, activation="linear"),
    "added": view("added", "Add", ("before", "curved"), MAPS + np.tanh(MAPS)),
    "own": view("own", "Mystery", ("before",), MAPS[::3, ::3]),
    "coarse": view("coarse", "ReLU", ("before",), np.maximum(MAPS, 0) + np.float32(0.01)),
    "probabilities": view("probabilities", "Softmax", ("logits",), np.exp(LOGITS) / np.exp(LOGITS).sum(), axis=-1),
}


def inspection(name: str) -> Inspection:
    layers = tuple(LAYERS[each] for each in (*LAYERS[name].inputs, name))
    return Inspection(2, 700, layers, (0.1,) * 10)


def hosted(name: str, cell: tuple[int, ...]) -> Host:
    request = Inspect(IMAGE.tobytes(), name)
    computed = Computed(request, inspection(name), LAYERS, ImageAtHand(IMAGE, "#00007"), NAMES)
    return Host(recorded_run(), lambda session: ArithmeticScreen(session, computed, cell))


async def press(pilot: Pilot[None], app: Host, *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause()
    return app.text()


def front(app: Host) -> ArithmeticScreen:
    assert isinstance(app.front, ArithmeticScreen)
    return app.front


@pytest.mark.parametrize("size", SIZES)
async def test_a_convolution_is_written_with_its_numbers(size: tuple[int, int]) -> None:
    app = hosted("conv", (2, 3, 1))
    products = MAPS[2:5, 3:6] * KERNEL[..., 1]
    strongest = int(np.abs(products.sum(axis=(0, 1))).argmax())
    async with app.shown(size) as pilot:
        text = await press(pilot, app)
        assert "Conv2D, cell (2, 3), channel 1" in text
        assert "rows 2–4 and columns 3–5" in text
        assert f"input, channel {strongest}" in text
        decimals = 2 if size[0] >= 120 else 1  # as many as fit side by side
        for value in MAPS[2:5, 3:6, strongest].ravel():
            assert f"{round(float(value), decimals) + 0.0:.{decimals}f}".replace("-", "−") in text
        text = await press(pilot, app, "tab")
        assert f"input, channel {1 - strongest}" in text
        if size[0] >= 120:
            total = products.sum()
            assert f"{abs(total):.4f}"[:5] in text
            assert ("ReLU keeps" if total > 0 else "to 0.") in text


async def test_arrows_move_the_cell_and_pages_the_channel() -> None:
    app = hosted("conv", (0, 0, 0))
    async with app.shown((120, 40)) as pilot:
        await press(pilot, app, "left", "up", "pageup")
        assert front(app).cell == (0, 0, 0)
        text = await press(pilot, app, "right", "right", "down", "pagedown")
        assert front(app).cell == (1, 2, 1)
        assert "cell (1, 2), channel 1" in text
        await press(pilot, app, *["down"] * 6, *["pagedown"] * 3)
        assert front(app).cell == (6, 2, 3)


STRONGEST = np.argsort(-np.abs(MAPS.ravel() * DENSE[:, 1]))
CELLS = [np.unravel_index(place, MAPS.shape) for place in STRONGEST.tolist()]


@pytest.mark.parametrize(
    ("name", "cell", "expected"),
    [
        ("curved", (2, 3, 1), ["tanh: output over input", "●", "tanh turns"]),
        ("flat", (47,), ["(row 2 × 9 + column 5) × 2 channels + channel 1 = unit 47", "cell (2, 6), channel 0 →"]),
        ("dense", (1,), [f"before ({row}, {column}) channel {channel}" for row, column, channel in CELLS[:3]]),
        ("own", (1, 2, 1), ["Mystery is not shown here", "before, around cell (3, 6)", f"{MAPS[4, 7, 1]:.2f}"]),
        ("coarse", (2, 3, 1), ["Recomputed with full precision", "computes with less"]),
    ],
)
async def test_other_layers_are_written_with_their_numbers(
    name: str, cell: tuple[int, ...], expected: list[str]
) -> None:
    app = hosted(name, cell)
    async with app.shown((120, 40)) as pilot:
        text = await press(pilot, app)
        for words in expected:
            assert words.replace("-", "−") in text
        assert ("✓" in text) == (name not in ("own", "coarse"))


@pytest.mark.parametrize(("name", "cell"), [("added", (2, 3, 1)), ("dense", (1,))])
async def test_tab_chooses_the_input_to_go_to(
    name: str, cell: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> Reply | str:
        asked.append(request)
        return "no engine is alive"

    answer(monkeypatch, reply)
    app = hosted(name, cell)
    async with app.shown((120, 40)) as pilot:
        text = await press(pilot, app, "tab", "enter")
        for _ in range(400):
            if "no engine is alive" in text:
                break
            text = await press(pilot, app)
        wanted = ("curved", 1) if name == "added" else ("flat", int(STRONGEST[1]))
        assert [layer_and_channel(each) for each in asked] == [wanted]


def test_large_kernels_are_written_with_fewer_digits_or_below_each_other() -> None:
    colours = palette(DARK.variables)
    for side in (3, 5, 7):
        arrays = {name: np.random.default_rng(0).normal(size=(side, side)) for name in ("a", "b", "c")}
        for width in (38, 54, 84):
            lines = side_by_side(arrays, ("×", "="), width, colours)
            assert max(line.cell_len for line in lines) <= width
            assert len(lines) in (side + 1, 3 * (side + 1))


def share(temperature: float) -> str:
    """Return the probability of unit 1."""
    powers = np.exp(LOGITS / temperature)
    return f"{100 * powers[1] / powers.sum():.2f} %"


async def test_the_temperature_of_softmax_is_a_slider() -> None:
    app = hosted("probabilities", (1,))
    async with app.shown((120, 40)) as pilot:
        text = await press(pilot, app)
        assert "Temperature 1" in text
        assert share(1.0) in text
        text = await press(pilot, app, "up", "up", "up", "up")
        assert "Temperature 10" in text
        assert share(10.0) in text
        text = await press(pilot, app, "right")
        assert "unit 2" in text


@pytest.mark.parametrize("has_engine", [True, False], ids=["engine", "no engine"])
async def test_enter_goes_to_the_input_that_counts_most(has_engine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> Reply | str:
        asked.append(request)
        return Reply(ok=True, inspection=inspection("before")) if has_engine else "no engine is alive"

    answer(monkeypatch, reply)
    app = hosted("conv", (2, 3, 1))
    async with app.shown((120, 40)) as pilot:
        text = await press(pilot, app)
        products = np.abs(MAPS[2:5, 3:6] * KERNEL[..., 1])
        source = front(app).source
        row, column = divmod(int(products[..., source].argmax()), 3)
        words = "ReLU, cell" if has_engine else "no engine is alive"
        text = await press(pilot, app, "enter")
        for _ in range(400):
            if words in text:
                break
            text = await press(pilot, app)
        assert words in text
        assert [layer_and_channel(each) for each in asked] == [("before", source)]
        if has_engine:
            assert isinstance(app.screen, ArithmeticScreen)
            assert app.screen.cell == (2 + row, 3 + column, source)
            text = await press(pilot, app, "escape")
            assert "Conv2D, cell (2, 3), channel 1" in text


def layer_and_channel(request: Request) -> tuple[str, int]:
    assert isinstance(request, Inspect)
    return request.layer, request.channel


async def test_weights_of_one_channel_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def of_channel(channel: int) -> Inspection:
        whole = inspection("conv")
        kernel = {"kernel": tensor(KERNEL[..., channel : channel + 1])}
        values = {field: getattr(whole.layers[1], field) for field in LayerView.__struct_fields__}
        last = LayerView(**(values | {"weights": kernel, "channel": channel}))
        return Inspection(2, 700, (whole.layers[0], last), whole.probabilities)

    def reply(request: Request) -> Reply | str:
        asked.append(request)
        assert isinstance(request, Inspect)
        return Reply(ok=True, inspection=of_channel(request.channel))

    answer(monkeypatch, reply)
    computed = Computed(Inspect(IMAGE.tobytes(), "conv"), of_channel(0), LAYERS, ImageAtHand(IMAGE, "#00007"), NAMES)
    app = Host(recorded_run(), lambda session: ArithmeticScreen(session, computed, (2, 3, 0)))
    async with app.shown((120, 40)) as pilot:
        await press(pilot, app, "pagedown")
        for _ in range(400):
            if front(app).cell == (2, 3, 1):
                break
            await press(pilot, app)
        text = await press(pilot, app)
        assert "channel 1" in text
        assert [layer_and_channel(each) for each in asked] == [("conv", 1)]
        assert "do not fit" not in text
