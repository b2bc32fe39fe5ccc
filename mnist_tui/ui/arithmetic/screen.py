"""Arithmetic screen: the numbers behind one cell of a layer, from its inputs and weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.arithmetic import terms_of
from mnist_tui.analysis.arithmetic.activations import Distribution
from mnist_tui.analysis.arithmetic.layer import Cell, Terms
from mnist_tui.analysis.arithmetic.moves import Move
from mnist_tui.analysis.arithmetic.origins import Origin, origins
from mnist_tui.analysis.arithmetic.sums import Convolution, Merged, Sum, WeightedSum
from mnist_tui.analysis.arithmetic.windows import Pooling
from mnist_tui.control.protocol import Inspect, Inspection, LayerView, Reply
from mnist_tui.render.text import sanitize
from mnist_tui.ui.arithmetic.layer import layer_of
from mnist_tui.ui.arithmetic.pictures import pictures_of
from mnist_tui.ui.arithmetic.words import Page, cell_words, written
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import ImageAtHand, RunSession, RunView
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.shared.sized_screen import hide

UNKNOWN_SIZE = Size(16, 16)
"""Room for pictures before the layout is known."""
TEMPERATURES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Computed:
    """A layer of a model, and the image that went through it."""

    request: Inspect
    inspection: Inspection
    layers: Mapping[str, LayerView]
    """All layers of the model by name."""
    image: ImageAtHand
    names: tuple[str, ...]
    """Class names."""


class ArithmeticScreen(RunScreen):
    """Arrows move over the layer's output; Enter opens the cell behind the chosen term in the layer before."""

    BINDINGS = bindings("arithmetic")
    KEY_GROUPS = ("arithmetic", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    class Inspected(Message):
        """The engine replied about a layer."""

        def __init__(self, request: Inspect, outcome: Inspection | str, cell: Cell) -> None:
            super().__init__()
            self.request = request
            self.outcome = outcome
            self.cell = cell

    def __init__(self, session: RunSession, computed: Computed, cell: Cell | None = None) -> None:
        super().__init__(session)
        self._client: ModelClient[Inspect] = ModelClient(session.run, self._take_reply)
        self._wanted: Cell = ()
        """Cell to go to once the layer asked for is there."""
        self._problem = ""
        self._chosen_source: int | None = None
        """Place of the input channel whose products are shown, once the user has chosen one."""
        self._temperature = TEMPERATURES.index(1.0)
        self._take(computed, cell)

    def _take(self, computed: Computed, cell: Cell | None = None) -> None:
        self._computed, self._layer = computed, layer_of(computed.inspection)
        shape = self._layer.output.shape
        if cell is None or len(cell) != len(shape):
            cell = tuple(map(int, np.unravel_index(int(self._layer.output.argmax()), shape)))
        cell = tuple(min(place, length - 1) for place, length in zip(cell, shape, strict=True))
        self._go_to(cell if self._layer.channel is None else (*cell[:-1], self._layer.channel))

    def _go_to(self, cell: Cell) -> None:
        self._cell = cell
        self.terms: Terms = terms_of(self._layer, cell)
        """Terms of the cell."""

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            yield Static(id="maps")
            with VerticalScroll(id="calculation", can_focus=False):
                yield Static(id="lines")

    def on_unmount(self) -> None:
        self._client.close()

    @property
    def view_of_layer(self) -> LayerView:
        """The layer whose cell is recomputed."""
        return self._computed.inspection.layers[-1]

    @property
    def source_count(self) -> int:
        """Number of terms that the user can choose from."""
        terms = self.terms
        if isinstance(terms, Convolution):
            return len(terms.sources)
        if isinstance(terms, WeightedSum):
            return len(terms.inputs)
        return len(terms.operands) if isinstance(terms, Merged) else 0

    @property
    def source(self) -> int:
        """Place of the chosen term; by default that of the input channel that adds most.

        Those of a dense layer are sorted by what they add.
        """
        terms = self.terms
        if self._chosen_source is None:
            return int(np.abs(terms.channel_sums).argmax()) if isinstance(terms, Convolution) else 0
        return self._chosen_source % max(1, self.source_count)

    @property
    def _origins(self) -> tuple[Origin, ...]:
        """The maps that the input of a dense layer was flattened from, if that can be told."""
        layers, inputs, terms = self._computed.layers, self.view_of_layer.inputs, self.terms
        image = next(iter(layers.values())).shape
        if not isinstance(terms, WeightedSum) or terms.prefix or len(image) != 3 or not inputs:
            return ()
        return origins(layers, inputs[0], (image[0], image[1], image[2]))

    @property
    def cell(self) -> Cell:
        """The cell that is recomputed."""
        return self._cell

    def subject(self, view: RunView) -> str:  # noqa: ARG002
        best = self._computed.inspection.epoch
        weights = f" · epoch {best}" if best is not None else f" · step {self._computed.inspection.step:,}"
        return f"{self.view_of_layer.name} of {self._computed.image.title}{weights}"

    def show(self, view: RunView) -> None:  # noqa: ARG002
        layer, terms = self._layer, self.terms
        calculation, maps = self.query_one("#calculation"), self.query_one("#maps", Static)
        calculation.border_title = f"{layer.kind}, {cell_words(self._cell)}"
        calculation.border_subtitle = self._problem
        is_last = self.view_of_layer.name == list(self._computed.layers)[-1]
        width, height = calculation.scrollable_content_region.size
        page = Page(
            layer,
            self._cell,
            self.view_of_layer.inputs,
            self.source,
            TEMPERATURES[self._temperature],
            self._computed.names if is_last else (),
            width - 1,
            height,
            palette_of(self),
            self._origins,
        )
        self.query_one("#lines", Static).update(Text("\n").join(written(page, terms)))
        lines = pictures_of(page, terms, maps.content_size or UNKNOWN_SIZE)
        was_shown = bool(maps.content_size)
        hide(maps, not lines)
        maps.update(Text("\n").join(lines))
        if lines and not was_shown and not self.is_small:
            self.call_after_refresh(self.catch_up)  # its size is known then

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        rank = len(self._cell)
        if action == "move" and parameters and parameters[0] in ("up", "down"):
            return rank > 1 or self._has_softmax
        if action == "turn_channel":
            return rank > 1
        if action == "turn_source":
            return self.source_count > 1
        if action == "go_back_in":
            return self._before() is not None
        return super().check_action(action, parameters)

    @property
    def _has_softmax(self) -> bool:
        terms = self.terms
        return isinstance(terms, Distribution) or (isinstance(terms, Sum) and terms.softmax is not None)

    def action_move(self, direction: str) -> None:
        """Move to a neighbouring cell; over units, up and down change the temperature of softmax."""
        axis, step = {"up": (0, -1), "down": (0, 1), "left": (1, -1), "right": (1, 1)}[direction]
        if len(self._cell) == 1 and axis == 0:
            self._temperature = min(max(0, self._temperature - step), len(TEMPERATURES) - 1)
            self.catch_up()
            return
        self._move_along(min(axis, len(self._cell) - 1), step)

    def action_turn_channel(self, step: int) -> None:
        """Show the same cell of the next or previous channel."""
        self._move_along(len(self._cell) - 1, step)

    def _move_along(self, axis: int, step: int) -> None:
        length = self._layer.output.shape[axis]
        place = min(max(0, self._cell[axis] + step), length - 1)
        cell = (*self._cell[:axis], place, *self._cell[axis + 1 :])
        if self._layer.channel is not None and cell[-1] != self._layer.channel:
            self._ask(msgspec.structs.replace(self._computed.request, channel=cell[-1]), cell)
            return
        self._go_to(cell)
        self.catch_up()

    def action_turn_source(self, step: int) -> None:
        """Choose the next or previous term: an input channel, an input, a product of a dense layer."""
        self._chosen_source = self.source + step
        self.catch_up()

    def action_scroll_on(self) -> None:
        """Scroll down a page; from the end, back to the start."""
        calculation = self.query_one("#calculation")
        if calculation.scroll_y >= calculation.max_scroll_y:
            calculation.scroll_home(animate=False)
        else:
            calculation.scroll_page_down(animate=False)

    def action_go_back_in(self) -> None:
        """Go to the layer before, to the cell that counts most here."""
        before = self._before()
        if before is not None:
            name, cell = before
            self._ask(msgspec.structs.replace(self._computed.request, layer=name, channel=cell[-1]), cell)

    def _before(self) -> tuple[str, Cell] | None:
        """Return the name of the input behind the chosen term and the cell there; None at the model's input."""
        terms, names = self.terms, self.view_of_layer.inputs
        number = terms.number if isinstance(terms, Move) else self.source if isinstance(terms, Merged) else 0
        if number >= len(names):
            return None
        cell: Cell | None = self._cell
        if isinstance(terms, Convolution):
            products = np.abs(terms.products[..., self.source])
            row, column = np.unravel_index(int(products.argmax()), products.shape)
            cell = (terms.window.rows[row], terms.window.columns[column], terms.sources[self.source])
        elif isinstance(terms, WeightedSum):
            strongest = np.argsort(-np.abs(terms.products), kind="stable")
            cell = (*terms.prefix, int(strongest[self.source]))
        elif isinstance(terms, Merged):
            cell = terms.cells[self.source]
        elif isinstance(terms, Pooling):
            cell = terms.winner
        elif isinstance(terms, Move):
            cell = terms.source
        view = self._computed.layers.get(names[number])
        if cell is None or view is None or view.kind == "InputLayer" or len(view.shape) != len(cell):
            return None
        return names[number], cell

    # The engine

    def _ask(self, request: Inspect, cell: Cell) -> None:
        self._wanted = cell
        self._problem = "asking the engine …"
        self._client.request(request)
        self.catch_up()

    def _take_reply(self, request: Inspect, reply: Reply | str) -> None:
        outcome = reply if isinstance(reply, str) else reply.inspection or "The engine's reply has no inspection."
        self.post_message(self.Inspected(request, outcome, self._wanted))

    def on_arithmetic_screen_inspected(self, event: Inspected) -> None:
        self._problem = sanitize(event.outcome) if isinstance(event.outcome, str) else ""
        if not isinstance(event.outcome, str):
            computed = replace(self._computed, request=event.request, inspection=event.outcome)
            if event.request.layer == self._computed.request.layer:
                self._take(computed, event.cell)
            elif self.is_current:
                self.app.push_screen(ArithmeticScreen(self.session, computed, event.cell))
        self.catch_up()
