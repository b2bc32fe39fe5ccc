"""Words of the layers screen: titles, sizes, and what the colours mean."""

from collections.abc import Sequence

import numpy as np
from textual.content import Content as Words

from mnist_tui.control.protocol import Inspection, LayerView
from mnist_tui.render.feature_maps import Scale
from mnist_tui.render.text import cell_len, figure, percent
from mnist_tui.render.text import shape as shape_words
from mnist_tui.ui.layers.contents import SYMBOLS, Bars, Content, Excited, Maps, Numbers, shades
from mnist_tui.ui.layers.sides import Selection, Side
from mnist_tui.ui.theme import Palette


def size_words(layer: LayerView) -> str:
    """Return the content of a layer's output in words, as in "16 maps of 24×24"."""
    shape = layer.shape
    if len(shape) == 1:
        return f"{shape[0]:,} units"
    if len(shape) == 3:
        first = layer.config.get("data_format") == "channels_first"
        maps, sides = (shape[0], shape[1:]) if first else (shape[-1], shape[:-1])
        return f"{maps:,} {'map' if maps == 1 else 'maps'} of {shape_words(sides)}"
    return f"output {shape_words(shape)}" if shape else "several outputs"


def legend(content: Content | str, scale: Scale, colours: Palette) -> list[Words]:
    """Return what the colours of a content mean, with the numbers of the scale; the most important part first."""
    if isinstance(content, Excited):
        searched = f"searched {percent(content.found.progress, 0)}" if content.found.progress < 1 else ""
        words = searched, "frame: what the strongest cell sees"
        return [Words.styled(each, "$quiet") for each in words if each]
    if isinstance(content, Bars):
        words = "the strongest first", f"full bar {figure(content.limit)}"
        return [Words.styled(each, "$quiet") for each in words]
    if isinstance(content, Numbers):
        symbols = [(SYMBOLS[name], name.replace("_", " ")) for name in content.columns if name in SYMBOLS]
        return [Words.styled(f"{symbol} {name}", "$quiet") for symbol, name in symbols]
    if not isinstance(content, Maps):
        return []
    positive, negative = shades(colours, is_signed=content.is_signed)
    is_shared = scale is not Scale.UNIT
    limit = figure(float(content.limits.max()))
    scales = Words.styled(f"scale: {scale.value}", "$quiet")
    full = Words.styled("■", _css(positive[-1]))
    if not content.is_signed:
        return [full + Words.styled(f" to {limit}" if is_shared else " to its largest", "$quiet"), scales]
    above = full + Words.styled(f" {limit}" if is_shared else " above 0", "$quiet")
    sign = "-" if positive == negative else "■"
    below = Words.assemble((sign, _css(negative[-1])), (f" −{limit} " if is_shared else " below 0 ", "$quiet"))
    return [below + above, scales]


def _css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def weights_words(side: Side, inspection: Inspection | None, names: Sequence[str] = ()) -> list[str]:
    """Return the name of the weights; if class names are given, before it also the name with the prediction."""
    if inspection is None:
        return [side.words]
    words = f"step {inspection.step:,}, {side.words}" if side.weights == "current" else side.words
    if not names:
        return [words]
    predicted = int(np.argmax(inspection.probabilities))
    return [f"{words}: {names[predicted]}, {percent(inspection.probabilities[predicted], 1)}", words]


def wall_title(layer: LayerView | None, selected: Selection, weights: Sequence[str], room: int) -> str:
    """Return the layer, what is shown of it, and the weights, as far as they fit into `room` cells."""
    if layer is None:
        return weights[-1]
    what = {
        "maps": (f"{layer.name}, {size_words(layer)}", size_words(layer)),
        "kernels": (f"{layer.name}, weights", "weights"),
        "images": (
            f"validation images that excite channel {selected.channel} of {layer.name} most",
            f"top images of channel {selected.channel}",
        ),
    }[selected.view]
    titles = [*(f"{each} · {weights[0]}" for each in what), *weights]
    return next((title for title in titles if cell_len(title) <= room), weights[-1])
