"""Calculations as text: what a cell of a layer is computed from, number by number, and one sentence that sums it up.

TEXTS maps the terms of a kind of layer to the function that writes them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.text import Text

from mnist_tui.analysis.arithmetic.activations import Activated, Activation, Distribution, Softmax
from mnist_tui.analysis.arithmetic.layer import Cell, Layer, Terms, Unknown
from mnist_tui.analysis.arithmetic.moves import Move
from mnist_tui.analysis.arithmetic.origins import Origin
from mnist_tui.analysis.arithmetic.steps import Calculation
from mnist_tui.analysis.arithmetic.sums import Convolution, Merged, Sum, WeightedSum
from mnist_tui.analysis.arithmetic.windows import Pooling, Window
from mnist_tui.render.text import figure, percent, rule_bar
from mnist_tui.ui.arithmetic.curve import curve
from mnist_tui.ui.arithmetic.numbers import formatted, grid, side_by_side, sign_style, signed_bars, surroundings, table
from mnist_tui.ui.theme import Palette

DIGITS = 5
"""Significant digits of results."""
NUMBER = 8
"""Columns of a number in a grid."""
MAP_RANK = 3
AROUND = 2
"""Cells on each side of a cell whose neighbours are shown."""


@dataclass(frozen=True)
class Page:
    """A calculation to write: the layer with its names, the choices of the user, and the room for it."""

    layer: Layer
    cell: Cell
    inputs: tuple[str, ...]
    """Names of the layers that feed it."""
    source: int
    """Place of the chosen term: among input channels, inputs, or the strongest products of a dense layer."""
    temperature: float
    names: tuple[str, ...]
    """Class names, if the layer's units are the classes."""
    width: int
    height: int
    colours: Palette
    origins: tuple[Origin, ...] = ()
    """Maps that the input of a dense layer was flattened from."""

    def unit(self, place: int) -> str:
        """Return the name of a unit."""
        return self.names[place] if place < len(self.names) else f"unit {place}"


def written(page: Page, terms: Terms) -> list[Text]:
    """Return the lines of a calculation."""
    lines = TEXTS[type(terms)](page, terms)
    return [*lines, *_difference(page, terms)]


def places(indices: tuple[int, ...]) -> str:
    """Return rows or columns in words, as in "9–11", or "4" for one."""
    return str(indices[0]) if len(indices) == 1 else f"{indices[0]}–{indices[-1]}"


def cell_words(cell: Cell) -> str:
    """Return a position in words: (row, column), channel; or the unit."""
    if len(cell) == 1:
        return f"unit {cell[0]}"
    return f"cell ({', '.join(map(str, cell[:-1]))}), channel {cell[-1]}"


def _difference(page: Page, terms: Terms) -> list[Text]:
    """Write both values if the model, in lower precision, has another one."""
    if terms.value is None:
        return []
    output, digits = float(page.layer.output[page.cell]), DIGITS
    if abs(output - terms.value) <= 1e-4 * max(1.0, terms.scale):
        return [Text(), Text(f"✓ The model's output is {figure(output, digits)}, too.", page.colours.quiet.hex)]
    halves = np.ascontiguousarray(page.layer.output, dtype="<f4").view("<u4") & 0xFFFF
    precision = "with less" if halves.any() else "in bfloat16, with 3 digits"
    words = f"Recomputed with full precision: {figure(terms.value, digits)}. The model, which computes {precision}, has"
    return [Text(), Text(f"{words} {figure(output, digits)}.", page.colours.quiet.hex)]


def _result(words: str, value: float | None) -> Text:
    return Text.assemble(words, (figure(value, DIGITS) if value is not None else "–", "bold"))


def _activation_words(activation: Activation, before: float, after: float) -> str:
    first, second = figure(before, DIGITS), figure(after, DIGITS)
    if activation.name == "linear":
        return f"There is no activation: {second} is the output."
    if activation.name == "ReLU":
        return f"ReLU sets {first} to 0." if before < 0 else f"ReLU keeps {first}."
    return f"{activation.name} turns {first} into {second}."


def _end_of_sum(page: Page, terms: Sum) -> list[Text]:
    """Write what becomes of a sum: the activation, or softmax over all units."""
    if terms.softmax is not None:
        return [Text(), *_softmax_lines(page, terms.softmax)]
    if terms.activation is None or terms.value is None:
        name = page.layer.config.get("activation", "an activation of its own")
        return [
            Text(f"Then comes {name}: the model's output is {figure(float(page.layer.output[page.cell]), DIGITS)}.")
        ]
    return [Text(_activation_words(terms.activation, terms.total, terms.value), "bold")]


def _convolution(page: Page, terms: Convolution) -> list[Text]:
    window, shown = terms.window, page.source
    inside = window.inside(page.layer.input.shape)
    patch = np.where(inside, terms.patch[..., shown], math.nan)
    sums = terms.channel_sums
    count = len(terms.sources)
    channel = f"channel {terms.sources[shown]}"
    arrays = {
        channel: patch,
        "weights": terms.kernel[..., shown],
        "products": np.where(inside, terms.products[..., shown], math.nan),
    }
    of = f" of its {count} input channels" if count > 1 else ""
    lines = [
        Text(f"It sees {_seen(page, window)}{of}, multiplies each value with a weight, and adds up."),
        Text(),
        *side_by_side(arrays, ("×", "="), page.width, page.colours),
        Text(),
    ]
    parts = [(f"this channel{'' if terms.mixing is None else ' × its weight'}", float(sums[shown]))]
    if count > 1:
        others = "the other channel" if count == 2 else f"the other {count - 1} channels"
        parts.append((others, float(sums.sum() - sums[shown])))
    if terms.has_bias:
        parts.append(("bias", terms.bias))
    lines += [_addition(page, parts, terms.total), *_end_of_sum(page, terms)]
    if not inside.all():
        lines.append(Text("· is padding, which counts as 0", page.colours.quiet.hex))
    if count > 1:
        room = max(3, page.height - len(lines) - 2)
        order = np.argsort(-np.abs(sums), kind="stable")[:room]
        bars = [(f"channel {terms.sources[place]}", float(sums[place])) for place in order]
        drawn = signed_bars(bars, page.width, page.colours)
        for line, place in zip(drawn, order, strict=True):
            line.stylize("bold reverse" if place == shown else "")
        lines += [Text(), Text("Channels that add most", "italic"), *drawn]
    return lines


def _seen(page: Page, window: Window) -> str:
    """Return the rows and columns of a window that are inside the map."""
    names, axes = ("rows", "columns"), (window.rows, window.columns)
    inside = [
        tuple(each for each in axis if 0 <= each < length)
        for axis, length in zip(axes, page.layer.input.shape, strict=False)
    ]
    if not all(inside):
        return "padding alone"
    return " and ".join(f"{name} {places(axis)}" for name, axis in zip(names, inside, strict=True))


def _addition(page: Page, parts: list[tuple[str, float]], total: float) -> Text:
    """Write a sum with its parts named, as in "this channel 0.92 + bias 0.1 = 1.02"."""
    line = Text()
    for place, (name, value) in enumerate(parts):
        line.append("  +  " if place else "")
        line.append(f"{name} ")
        line.append(figure(value, DIGITS), sign_style(value, page.colours))
    return line.append("  =  ").append(figure(total, DIGITS), "bold")


def _weighted_sum(page: Page, terms: WeightedSum) -> list[Text]:
    products = terms.products
    room = (page.height - 13) // 2 if terms.softmax is not None else page.height - 9
    strongest = np.argsort(-np.abs(products), kind="stable")
    first = max(0, page.source - max(3, room) + 1)
    order = strongest[first : first + max(3, room)]
    rest = float(products.sum() - products[order].sum())
    columns = [formatted(each[order]) for each in (terms.inputs, terms.weights, products)]
    rows = zip((_input_words(int(place), page.origins) for place in order), *columns, strict=True)
    styled = table([("", "value", "× weight", "= product"), *rows])
    bar_room = max(0, min(30, page.width - styled[0].cell_len - 2))
    for number, (line, place) in enumerate(zip(styled[1:], order, strict=True), start=first):
        share = abs(float(products[place])) / (float(np.abs(products[strongest[0]])) or 1.0)
        line.append(f"  {rule_bar(share, bar_room)}" if bar_room else "")
        line.stylize(sign_style(float(products[place]), page.colours))
        if number == page.source:
            line.stylize("bold reverse")
    parts = [("the listed products", float(products[order].sum()))]
    if len(order) < len(products):
        parts.append((f"the other {len(products) - len(order):,}", rest))
    if terms.has_bias:
        parts.append(("bias", terms.bias))
    who = f"The unit of class {page.unit(page.cell[-1])}" if page.names else "The unit"
    return [
        Text(f"{who} multiplies each of {len(products):,} inputs with a weight, and adds up."),
        Text(),
        *styled,
        Text(),
        _addition(page, parts, terms.total),
        *_end_of_sum(page, terms),
    ]


def _input_words(place: int, origins: tuple[Origin, ...]) -> str:
    """Return an input of a dense layer as a cell of the map that it was flattened from, if that is known."""
    for origin in origins:
        if origin.start <= place < origin.end:
            row, column, channel = origin.cell(place)
            of = "" if origin.shape[2] == 1 else f" channel {channel}"
            return f"{origin.layer} ({row}, {column}){of}"
    return f"input {place}"


def _softmax_lines(page: Page, softmax: Softmax) -> list[Text]:
    temperature = page.temperature
    probabilities, exponentials = softmax.probabilities(temperature), softmax.exponentials(temperature)
    room = (page.height - 13) // 2 if page.layer.weights else page.height - 6
    order = np.argsort(-softmax.logits, kind="stable")[: max(3, room)]
    if softmax.position not in order:
        order = np.append(order[:-1], softmax.position)
    logits, powers = formatted(softmax.logits[order]), formatted(exponentials[order])
    rows = [
        (page.unit(int(place)), logit, power, percent(float(probabilities[place])))
        for place, logit, power in zip(order, logits, powers, strict=True)
    ]
    scaled = f"exp((logit − largest) ÷ {temperature:g})" if temperature != 1 else "exp(logit − largest)"
    lines = table([("", "logit", scaled, "÷ their sum"), *rows])
    for line, place in zip(lines[1:], order, strict=True):
        bar = "  " + "━" * round(float(probabilities[place]) * max(0, min(30, page.width - line.cell_len - 4)))
        line.append(bar, page.colours.predicted_class.hex)
        if place == softmax.position:
            line.stylize("bold")
    slider = f"Temperature {temperature:g}" + ("" if temperature == 1 else "; the model has 1")
    hint = "lower is surer, higher more equal"
    return [
        Text(f"Softmax turns all logits into probabilities: their exponentials sum up to {exponentials.sum():.4g}."),
        Text.assemble((slider, "bold"), (f"  ↓ ↑ {hint}", page.colours.quiet.hex)),
        Text(),
        *lines,
    ]


def _distribution(page: Page, terms: Distribution) -> list[Text]:
    return _softmax_lines(page, terms.softmax)


def _merged(page: Page, terms: Merged) -> list[Text]:
    words = {
        "Average": "The mean of these values:",
        "Maximum": "The largest of these values:",
        "Minimum": "The smallest of these values:",
    }
    rows = list(zip(page.inputs, terms.operands, strict=False))
    bars = signed_bars(rows, page.width, page.colours)
    bars[page.source].stylize("bold reverse")
    sign = f"  (joined by {terms.sign})" if terms.sign != "," else ""
    return [
        Text(words.get(page.layer.kind, f"{page.layer.kind} of these values{sign}:")),
        Text(),
        *bars,
        Text(),
        _result("Output: ", terms.value),
    ]


def _pooling(page: Page, terms: Pooling) -> list[Text]:
    is_max, (height, width) = terms.method == "max", terms.patch.shape
    row, column, _ = terms.winner
    what = "keeps the largest value" if is_max else f"takes the mean of the {terms.count} values"
    lines = [Text(f"It sees {_seen(page, terms.window)} of channel {terms.channel}, and {what}."), Text()]
    if width * NUMBER <= page.width and height <= page.height:
        marked = (terms.window.rows.index(row), terms.window.columns.index(column)) if is_max else None
        lines += grid(terms.patch, page.colours, marked=marked)
    else:
        smallest, largest = float(np.nanmin(terms.patch)), float(np.nanmax(terms.patch))
        lines.append(Text(f"{terms.count:,} values from {figure(smallest)} to {figure(largest)}"))
    if not is_max:
        return [*lines, Text(), _result("Mean: ", terms.value)]
    end = _result(f"Winner: row {row}, column {column} with ", terms.value)
    return [*lines, Text(), end.append("; the gradient flows back to it alone.")]


def _calculation(page: Page, terms: Calculation) -> list[Text]:
    lines = [Text(terms.formula, "italic"), Text()]
    operands = formatted(np.array([step.operand for step in terms.steps]), DIGITS)
    values = formatted(np.array([terms.before, *(step.value for step in terms.steps)]), DIGITS)
    words = ["x", *(step.words for step in terms.steps)]
    lines += table(list(zip(words, ["", *operands], values, strict=True)))
    if terms.parts:
        lines += [Text(), Text(", ".join(f"{name} = {figure(value, DIGITS)}" for name, value in terms.parts))]
    result = _result("Output: ", terms.value) if terms.steps else Text("In inference, nothing is changed.", "bold")
    return [*lines, Text(), result, Text(), Text(terms.in_training, page.colours.quiet.hex)]


def _move(page: Page, terms: Move) -> list[Text]:
    if terms.source is None:
        return [Text("This cell is in the border of zeros that the layer adds.")]
    start, end = terms.span
    name = page.inputs[terms.number] if terms.number < len(page.inputs) else "the input"
    lines = [Text.assemble("The value is moved and stays as it is: ", (figure(terms.value or 0.0, DIGITS), "bold"))]
    lines += [Text(), Text(f"from   {cell_words(terms.source)} of {name}")]
    lines.append(Text(f"to     {cell_words(page.cell)}"))
    shape = page.layer.inputs[terms.number].shape
    if page.layer.kind in ("Flatten", "Reshape") and len(page.cell) == 1 and len(shape) == MAP_RANK:
        lines += _flattened(page, terms.source, shape)
    if end:
        lines += [Text(), Text(f"{name} fills places {start:,} to {end - 1:,} of the joined axis.")]
    return lines


def _flattened(page: Page, source: Cell, shape: tuple[int, ...]) -> list[Text]:
    """Write how a cell of a map is numbered, and where its neighbours go."""
    row, column, channel = source
    unit, output = page.cell[0], page.layer.output
    words = f"(row {row} × {shape[1]} + column {column}) × {shape[2]} channels + channel {channel} = unit {unit}"
    first = max(0, unit - AROUND)
    units = range(first, min(first + 2 * AROUND + 1, len(output)))
    values = formatted(output[units.start : units.stop])
    rows = [
        (f"{cell_words(tuple(map(int, np.unravel_index(each, shape))))} →", f"unit {each}", value)
        for each, value in zip(units, values, strict=True)
    ]
    lines = table(rows)
    lines[unit - first].stylize("bold")
    return [Text(), Text(words), Text(), *lines]


def _activated(page: Page, terms: Activated) -> list[Text]:
    value = terms.value if terms.value is not None else math.nan
    lines = [Text(_activation_words(terms.activation, terms.before, value), "bold"), Text()]
    return [*lines, *curve(terms.activation, terms.before, page.width, page.colours)]


def _unknown(page: Page, terms: Unknown) -> list[Text]:
    lines = [Text(f"{terms.reason[0].upper()}{terms.reason[1:]}."), Text()]
    lines.append(_result("The model's output: ", float(page.layer.output[page.cell])))
    shape = page.layer.output.shape
    named = (*zip(page.inputs, page.layer.inputs, strict=False), ("Its output", page.layer.output))
    for name, values in named:
        if values.ndim:
            place = tuple(each * mine // of for each, mine, of in zip(page.cell, values.shape, shape, strict=False))
            around = surroundings(values, (*place, *[0] * (values.ndim - len(place))))
            lines += [Text(), Text(f"{name}, around {cell_words(place)}", "italic"), *grid(around, page.colours)]
    return lines


TEXTS: dict[type[Terms], Callable[[Page, Any], list[Text]]] = {
    Convolution: _convolution,
    WeightedSum: _weighted_sum,
    Merged: _merged,
    Pooling: _pooling,
    Calculation: _calculation,
    Move: _move,
    Activated: _activated,
    Distribution: _distribution,
    Unknown: _unknown,
}
"""Functions that write the terms of a cell."""
