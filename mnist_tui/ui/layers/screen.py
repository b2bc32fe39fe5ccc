"""Layers screen: an image on its way through the model, layer by layer, channel by channel, epoch by epoch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content as Words

from mnist_tui.control.protocol import Excitations, Inspect, Inspection, LayerView
from mnist_tui.events import Layer
from mnist_tui.explanations import layer_explanation
from mnist_tui.render.feature_maps import Scale
from mnist_tui.render.text import percent, sanitize
from mnist_tui.textbook import INDEX, page_of
from mnist_tui.ui.arithmetic.layer import layer_of
from mnist_tui.ui.arithmetic.screen import ArithmeticScreen, Computed
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.layers.contents import Content
from mnist_tui.ui.layers.flow_panel import FlowPanel, layer_kind
from mnist_tui.ui.layers.history import HistoryScreen
from mnist_tui.ui.layers.inspect_screen import InspectScreen
from mnist_tui.ui.layers.inspections import Outcome
from mnist_tui.ui.layers.sides import Side, View
from mnist_tui.ui.layers.statistics import LayerStatistics, Subject
from mnist_tui.ui.layers.views import (
    channel_count,
    excited_content,
    first_layer,
    origin_of,
    output_content,
    overall_limit,
    weights_content,
)
from mnist_tui.ui.layers.wall import Wall
from mnist_tui.ui.layers.words import legend, wall_title, weights_words
from mnist_tui.ui.run.model_screen import missing_model
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.shared.sized_screen import hide
from mnist_tui.ui.shared.waiting import before_the_first_epoch

TITLE_FRAME = len("╭─    ──╮")
"""Columns of a title's line that the title cannot use."""
MODEL = "model"
"""Name of the last page of a small terminal."""
VIEWS: dict[View, str] = {"maps": "maps", "kernels": "kernels", "images": "top images"}
"""Views of a layer in the order of Tab, and their words."""
OF_A_LAYER = frozenset(
    {"go_to_layer", "go_to_channel", "turn_channels", "end_of_channels", "turn_view", "next_scale", "zoom", "compare"}
)
"""Actions that need the layers."""


class LayersScreen(InspectScreen):
    """The model on the left, the channels of the selected layer as a wall on the right, twice in a comparison."""

    BINDINGS = bindings("layers", "pages", "run")  # Esc ends a comparison before it goes back
    KEY_GROUPS = ("layers", "travel", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.scale = Scale.LAYER
        self._zoom = 0
        self._contents: dict[str, tuple[Outcome | None, tuple[object, ...], Content | str]] = {}
        """The content of each wall after the reply and the choices that it was made from."""

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Container(id="model"):
                yield FlowPanel()
                yield LayerStatistics()
            yield Wall(id="own")
            yield Wall(id="other")

    def on_mount(self) -> None:
        statistics = self.query_one(LayerStatistics)
        statistics.border_title, statistics.border_subtitle = "Layer", "Y: why it is there"

    @property
    def current(self) -> LayerView | None:
        """Statistics of the selected layer; None before the layers are known."""
        return next((layer for layer in self._layers if layer.name == self.selected.layer), None)

    @property
    def _around(self) -> list[str]:
        """The layer below the selected one, and the one above."""
        names = [layer.name for layer in self._layers]
        place = names.index(self.selected.layer) if self.selected.layer in names else 0
        return [*names[place + 1 : place + 2], *names[max(0, place - 1) : place]]

    def subject(self, view: RunView) -> str:
        image = self.image
        if image is None:
            return "layers"
        names, words = self._names(view), [image.title]
        if image.label is not None and not self.is_narrow:
            words.append(f"true {names[image.label] if image.label < len(names) else image.label}")
        if self._probabilities:
            predicted = int(np.argmax(self._probabilities))
            words.append(f"predicted {names[predicted]}, {percent(self._probabilities[predicted], 1)}")
        return f"layers of {' · '.join(words)}"

    def show(self, view: RunView) -> None:
        self.find_image(view)
        side, other = self.side, self.other_side
        if self.image is not None:
            self.selected = replace(self.selected, image=self.image.image.tobytes())
            self.want(side, other, self._around)
            self._show_model(view, side, other)
        problem = self._problem(view, side)
        self.set_class(bool(problem), "-empty")
        if problem:
            self.query_one("#own", Wall).show(problem)
        else:
            self._show_walls(view, side, other)

    def _problem(self, view: RunView, side: Side) -> str:
        """Return why nothing can be shown; empty if something can."""
        if self.image is None:
            problem = sanitize(self._image_problem)
            return f"There is no image to follow: {problem}" if problem else "Reading the image …"
        if self._layers:
            return ""
        outcome = side.inspections.get(side.all_layers(self.selected))
        if isinstance(outcome, str):
            return self._missing_layer(side) or sanitize(outcome)
        if not view.has_engine and not view.history.epochs:
            return before_the_first_epoch(view, "The layers come")
        return self.missing_model(view) or "Computing the layers …"

    # Panels

    def _show_model(self, view: RunView, side: Side, other: Side | None) -> None:
        """Show the flow, and the statistics of the selected layer."""
        overview = side.inspection(side.all_layers(self.selected))
        if overview is not None:
            self._layers, self._probabilities = overview.layers, overview.probabilities
            if self.current is None:
                self.selected = replace(self.selected, layer=first_layer(overview.layers))
                self.want(side, None)
        started = view.history.started
        details = {layer.name: layer for layer in started.layers} if started is not None else {}
        members = self.session.record.config.members
        name = f"Model {self.selected.member + 1} of {len(members)}" if len(members) > 1 else "Model"
        self.query_one(FlowPanel).set_title(name)
        self.query_one(FlowPanel).show(self._layers, details, self.selected.layer)
        found = [(each, each.inspection(each.one_layer(self.selected))) for each in (side, other) if each is not None]
        known = details.get(self.selected.layer)
        subjects = [
            Subject(
                inspection.layers[-1],
                f"{self.selected.layer}: {each.words if other else layer_kind(inspection.layers[-1], details)}",
                known.parameters if known is not None else 0,
            )
            for each, inspection in found
            if inspection is not None
        ]
        self.query_one(LayerStatistics).show(tuple(subjects), self._explanation(view, details))

    def _explanation(self, view: RunView, details: Mapping[str, Layer]) -> str:
        started, layer = view.history.started, details.get(self.selected.layer)
        if started is None or layer is None:
            return ""
        config = view.history.record.config
        preset = "" if config.model else config.members[min(self.selected.member, len(config.members) - 1)]
        return layer_explanation(preset, layer, started.image_shape)

    def _show_walls(self, view: RunView, side: Side, other: Side | None) -> None:
        for name, each in (("own", side), ("other", other)):
            if each is not None:
                self._show_wall(view, self.query_one(f"#{name}", Wall), name, each)
        if self.has_class("-compared") != (other is not None):
            self.set_class(other is not None, "-compared")
            self.call_after_refresh(self.catch_up)  # the walls have another width, and their titles

    def _show_wall(self, view: RunView, wall: Wall, name: str, side: Side) -> None:
        selected = self.selected
        outcome = side.inspections.get(side.shown(selected))
        key = (
            selected.view,
            self.scale,
            overall_limit(self._layers) if self.scale is Scale.GLOBAL else 0.0,
            self.app.theme,
        )
        known = self._contents.get(name)
        if known is None or outcome is None or known[0] is not outcome or known[1] != key:
            known = self._contents[name] = outcome, key, self._content(view, side, outcome)
        content = known[2]
        wall.show(content, selected.channel if selected.view != "images" else -1, self._zoom)
        layer = outcome.layers[-1] if isinstance(outcome, Inspection) else self.current
        room = wall.outer_size.width - TITLE_FRAME
        inspection = outcome if isinstance(outcome, Inspection) else None
        names = self._names(view) if self.comparison.reference is not None else ()
        wall.border_title = Words(wall_title(layer, selected, weights_words(side, inspection, names), room))
        parts = legend(content, self.scale, palette_of(self))
        following = list(VIEWS)[(list(VIEWS).index(selected.view) + 1) % len(VIEWS)]
        parts.append(Words.styled(f"Tab: {VIEWS[following]}", "$quiet"))
        while len(parts) > 1 and sum(part.cell_length + 3 for part in parts) - 3 > room:
            parts.pop()
        wall.border_subtitle = Words.styled(" · ", "$quiet").join(parts)

    def _content(self, view: RunView, side: Side, outcome: Outcome | None) -> Content | str:
        if outcome is None:
            is_own = side.session is self.session
            words = self.missing_model(view) if is_own else missing_model(side.session, side.session.view, "", "")
            waiting = "Searching the validation images …" if self.selected.view == "images" else "Computing …"
            return words or waiting
        if isinstance(outcome, str):
            return self._missing_layer(side) or sanitize(outcome)
        if isinstance(outcome, Excitations):
            started = view.history.started
            return excited_content(outcome, started.image_shape, self._names(view)) if started is not None else ""
        layer, last = outcome.layers[-1], self._layers[-1] if self._layers else None
        if self.selected.view == "kernels":
            return weights_content(layer, self.scale, origin_of(self._layers, layer.name))
        names = self._names(view) if last is not None and layer.name == last.name else ()
        return output_content(layer, self.scale, overall_limit(self._layers), names)

    def _missing_layer(self, side: Side) -> str:
        """Return a sentence if the model has no such layer."""
        overview = side.inspection(side.all_layers(self.selected))
        names = [layer.name for layer in overview.layers] if overview is not None else []
        if not names or self.selected.layer in names:
            return ""
        return f"{sanitize(side.session.record.name)} has no layer {self.selected.layer}; it has {', '.join(names)}."

    def why(self) -> tuple[str, str]:
        """Return the textbook's page on the selected layer, and the layer's name."""
        layer = self.current
        return (INDEX, "") if layer is None else (page_of("layers", layer.kind), layer.name)

    def _names(self, view: RunView) -> tuple[str, ...]:
        return self.class_names(view, len(self._probabilities))

    # Pages of a small terminal

    @property
    def pages(self) -> tuple[str, ...]:
        """The model and the views of a layer on a small terminal, which has no room for both."""
        return (*VIEWS, MODEL) if self.is_small else ()

    def show_page(self) -> None:
        page = self.page
        hide(self.query_one("#model"), page not in ("", MODEL))
        for name in ("own", "other"):
            hide(self.query_one(f"#{name}"), page == MODEL)
        if page in VIEWS and page != self.selected.view:
            self.selected = replace(self.selected, view=page)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "turn_view" and self.is_small:
            return False
        if action in OF_A_LAYER:
            return bool(self._layers)
        if action == "leave_comparison":
            return self.comparison.reference is not None
        if action == "open_arithmetic":
            return self._computed is not None
        if action == "next_member":
            return len(self.session.record.config.members) > 1
        return super().check_action(action, parameters)

    def action_go_to_layer(self, step: int) -> None:
        """Go to the layer below (1) or above (-1)."""
        names = [layer.name for layer in self._layers]
        place = names.index(self.selected.layer) if self.selected.layer in names else 0
        self._go_to_layer(names[min(max(0, place + step), len(names) - 1)])

    def on_flow_panel_layer_chosen(self, event: FlowPanel.LayerChosen) -> None:
        self._go_to_layer(event.name)

    def _go_to_layer(self, name: str) -> None:
        if name != self.selected.layer:
            self.forget_errors()
            self.select(layer=name, channel=0)

    def select(self, **changes: Any) -> None:
        """Show something else: the fields of Selection that change."""
        self.selected = replace(self.selected, **changes)
        self.catch_up()

    @property
    def _channels(self) -> list[int]:
        """The channels of the layer in the order of the wall; those of its maps while images are shown."""
        content = self.query_one("#own", Wall).content
        if self.selected.view == "images" or isinstance(content, str):
            layer = self.current
            return list(range(channel_count(layer))) if layer is not None else []
        return list(content.channels)

    def action_go_to_channel(self, step: int) -> None:
        """Go some channels ahead, or back."""
        channels = self._channels
        if channels:
            place = channels.index(self.selected.channel) if self.selected.channel in channels else 0
            self.select(channel=int(channels[min(max(0, place + step), len(channels) - 1)]))

    def action_turn_channels(self, pages: int) -> None:
        """Go a page of channels ahead, or back."""
        self.action_go_to_channel(pages * self.query_one("#own", Wall).page)

    def action_end_of_channels(self, place: int) -> None:
        """Go to the first channel (0) or the last one (-1)."""
        channels = self._channels
        if channels:
            self.select(channel=int(channels[place]))

    def on_wall_channel_chosen(self, event: Wall.ChannelChosen) -> None:
        if self.selected.view != "images":
            self.select(channel=event.channel)

    def on_wall_scrolled(self, event: Wall.Scrolled) -> None:
        """Scroll the other side along."""
        for wall in self.query(Wall):
            if wall is not event.wall and wall.display:
                wall.scroll_to(y=event.wall.scroll_y, animate=False)

    def action_turn_view(self, step: int) -> None:
        """Show the next (1) or previous (-1) view of the layer."""
        views = list(VIEWS)
        self.forget_errors()
        self.select(view=views[(views.index(self.selected.view) + step) % len(views)])

    def action_next_scale(self) -> None:
        """Compare colours in a channel, a layer, or all layers."""
        self.scale = self.scale.following
        self.catch_up()

    @property
    def _computed(self) -> Computed | None:
        """The selected layer and channel, if the engine's reply has its numbers."""
        ask = self.side.one_layer(self.selected)
        inspection = self.side.inspection(ask)
        if inspection is None or self.image is None or inspection.layers[-1].output is None:
            return None
        if not isinstance(ask.request, Inspect) or not inspection.layers[-1].inputs:
            return None
        layers = {layer.name: layer for layer in self._layers}
        return Computed(ask.request, inspection, layers, self.image, self._names(self.session.view))

    def action_open_arithmetic(self) -> None:
        """Show the numbers behind the largest cell of the channel."""
        computed = self._computed
        if computed is not None:
            output, channel = layer_of(computed.inspection).output, self.selected.channel
            largest = np.unravel_index(int(output[..., channel].argmax()), output.shape[:-1])
            self.app.push_screen(ArithmeticScreen(self.session, computed, (*map(int, largest), channel)))

    def action_zoom(self, step: int) -> None:
        """Enlarge (1) or reduce (-1) the pictures."""
        self._zoom = min(max(-8, self._zoom + step), 8)
        self.catch_up()

    def action_next_member(self) -> None:
        """Show the next model of the ensemble."""
        members = len(self.session.record.config.members)
        self.select(member=(self.selected.member + 1) % members)

    def action_history(self) -> None:
        """Show the histograms of all layers over time."""
        self.app.push_screen(HistoryScreen(self.session, self.selected.layer))
