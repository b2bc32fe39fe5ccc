"""Batch screen: the images of the next batch, and the training images of the highest loss in the newest epoch."""

import time

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.confusion import class_name
from mnist_tui.control.protocol import BatchView, NextBatch, Reply
from mnist_tui.render.images import blank_margin
from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.highest_loss import HIGHEST_LOSS, HighestLosses
from mnist_tui.runs.status import Status
from mnist_tui.ui.digits.image_grid import GridImage, ImageGrid
from mnist_tui.ui.digits.mistakes import pair_words
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of

POLL_SECONDS, ASK_SECONDS = 0.5, 2.0
"""Seconds between two looks at the run, and at least between two requests to its engine."""
LONGEST_NAME = 12
"""Columns of a class name in a caption."""
NO_SAMPLE = "No training image is predicted: the setting rolling is 0."
TRAINS = frozenset({Status.TRAINING, Status.PAUSED})


class BatchScreen(RunScreen):
    """Asks the engine for the next batch while a run trains and this screen is in front.

    Of a run that has ended, it shows the images of the highest loss at once.
    """

    BINDINGS = bindings("batch")
    KEY_GROUPS = ("batch", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    class Read(Message):
        """The images of the highest loss were read."""

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._client: ModelClient[NextBatch] = ModelClient(session.run, self._take_reply)
        self._asked_for: tuple[int, Status] | None = None
        """Step and status of the newest request."""
        self._asked_at = -ASK_SECONDS
        self._batch: BatchView | str | None = None
        self._before_augmentation = False
        self._wants_highest_loss = False
        self._highest_loss: HighestLosses | None = None
        self._read_at = 0.0
        """Time at which the file was written that was read last."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        with VerticalScroll(id="images", can_focus=False):
            yield ImageGrid("batch")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(POLL_SECONDS, self._poll)

    def on_unmount(self) -> None:
        self._client.close()

    # The next batch

    def _poll(self) -> None:
        if not self.is_current:
            return
        if self.shows_highest_loss:
            self._read_highest_loss()
        else:
            self._ask()

    def _ask(self) -> None:
        view, now = self.session.view, time.monotonic()
        if not view.has_engine or view.status not in TRAINS:
            return
        wanted = view.progress.step, view.status
        if wanted != self._asked_for and not self._client.is_busy and now - self._asked_at >= ASK_SECONDS:
            self._asked_for, self._asked_at = wanted, now
            self._client.request(NextBatch())

    def _take_reply(self, _: NextBatch, reply: Reply | str) -> None:
        outcome = reply if isinstance(reply, str) else reply.batch or "The engine's reply has no batch."
        self.call_later(self._keep, outcome)

    def _keep(self, outcome: BatchView | str) -> None:
        self._batch = outcome
        self.catch_up()

    # What is shown

    def subject(self, view: RunView) -> str:  # noqa: ARG002
        return "batch" if self.is_narrow else "training images"

    def show(self, view: RunView) -> None:
        self._poll()
        highest, batch = self._highest_loss, self._batch
        sentence, problem = self.query_one("#sentence", Static), self._problem(view)
        if self.shows_highest_loss and highest is not None:
            words = Text(f"{problem} " if not view.status.is_live else "", paint(palette_of(self).quiet))
            sentence.update(words.append_text(self._highest_loss_words(highest)))
            self._show_images(highest.images, self._highest_loss_captions(view, highest), "foreground")
        elif problem or not isinstance(batch, BatchView):
            missing = (
                " No images of high loss were recorded." if self.shows_highest_loss and not view.status.is_live else ""
            )
            sentence.update(Text(problem + missing, paint(palette_of(self).quiet)))
            self.query_one(ImageGrid).show((), (), 0)
        else:
            sentence.update(self._words(batch))
            pixels = batch.images if self._before_augmentation or batch.augmented is None else batch.augmented
            labels = zip(batch.labels, batch.indices, strict=True)
            captions = [(self._class_name(view, label), f"#{index:05d}") for label, index in labels]
            self._show_images(np.frombuffer(pixels, np.uint8).reshape(-1, *batch.shape), captions, "true_class")

    def _show_images(self, images: NDArray[np.uint8], captions: list[tuple[str, str]], colour: str) -> None:
        grid = tuple(
            GridImage(image.tobytes(), *caption, colour) for image, caption in zip(images, captions, strict=True)
        )
        self.query_one(ImageGrid).show(grid, images.shape[1:], blank_margin(images))

    def _problem(self, view: RunView) -> str:
        """Return why there is no batch to show; empty if there is one."""
        if not view.status.is_live:
            return f"Nothing trains: this run is {view.status}, so no batch comes next."
        if self.shows_highest_loss:
            return NO_SAMPLE if not view.history.record.config.rolling else "The first images come within seconds …"
        if not view.has_engine or view.status not in TRAINS:
            return f"The run is {view.status}: the next batch shows once it trains."
        if isinstance(self._batch, str):
            return sanitize(self._batch)
        return "" if self._batch is not None else "Waiting for the engine, which replies between steps …"

    def _words(self, batch: BatchView) -> Text:
        colours, count = palette_of(self), len(batch.indices)
        words = Text.assemble(
            (f"Batch {batch.batch:,} of {batch.batches:,}", paint(colours.foreground, bold=True)),
            f" of epoch {batch.epoch} trains next: ",
            f"{count:,} images" if count == batch.size else f"the first {count:,} of its {batch.size:,} images",
        )
        if batch.augmented is None:
            words.append(", which are not augmented.")
        elif self._before_augmentation:
            words.append(" before", paint(colours.accent, bold=True)).append(" augmentation.")
        else:
            words.append(" after", paint(colours.accent, bold=True)).append(" augmentation, as the model takes them.")
        if batch.steps_per_execution > 1:
            words.append(f" {batch.steps_per_execution} batches train as one execution; this is its first one.")
        if batch.random_layers:
            kinds = ", ".join(map(sanitize, batch.random_layers))
            words.append(f" Layers of the model change the images further at random: {kinds}.")
        return words

    def _class_name(self, view: RunView, label: int) -> str:
        return clip(sanitize(class_name(label, _names(view))), LONGEST_NAME)

    # The highest loss

    @property
    def shows_highest_loss(self) -> bool:
        """True for the images of the highest loss, False for the next batch."""
        return self._wants_highest_loss or not self.session.view.status.is_live

    @work(thread=True, exclusive=True, group="highest_loss")
    def _read_highest_loss(self) -> None:
        run = self.session.run
        try:
            written = (run.path / HIGHEST_LOSS).stat().st_mtime
            if written == self._read_at:
                return
            found: HighestLosses | None = HighestLosses.read(run)
        except (OSError, RunError):  # there is none yet, or none any more after a rollback
            written, found = 0.0, None
        if found is self._highest_loss is None:
            return
        self._read_at, self._highest_loss = written, found
        self.post_message(self.Read())

    def on_batch_screen_read(self) -> None:
        self.catch_up()

    def _highest_loss_words(self, found: HighestLosses) -> Text:
        return Text.assemble(
            ("Highest loss", paint(palette_of(self).foreground, bold=True)),
            f" of epoch {found.epoch}, in a sample of {found.predicted_count:,} of the {found.trained:,} images"
            " trained on, predicted after their step without augmentation. Below each: label → prediction,"
            " loss and index.",
        )

    def _highest_loss_captions(self, view: RunView, found: HighestLosses) -> list[tuple[str, str]]:
        rows = zip(found.labels, found.predicted, found.losses, found.indices, strict=True)
        return [
            (pair_words(int(true), int(predicted), _names(view)), f"{loss:.2f} #{index:05d}")
            for true, predicted, loss, index in rows
        ]

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "switch_augmentation":
            batch = self._batch
            return isinstance(batch, BatchView) and batch.augmented is not None and not self.shows_highest_loss
        if action == "turn_view":
            return self.session.view.status.is_live
        return super().check_action(action, parameters)

    def action_switch_augmentation(self) -> None:
        """Show the images before augmentation, or after it."""
        self._before_augmentation = not self._before_augmentation
        self.catch_up()

    def action_turn_view(self) -> None:
        """Show the images of the highest loss, or the next batch."""
        self._wants_highest_loss = not self._wants_highest_loss
        self.query_one("#images", VerticalScroll).scroll_home(animate=False)
        self.catch_up()

    def action_scroll_images(self, where: str) -> None:
        """Scroll by some lines, a page, or to an end."""
        images = self.query_one("#images", VerticalScroll)
        page = max(1, images.size.height - 1)
        lines = {"up": -3, "down": 3, "pageup": -page, "pagedown": page}
        if where in lines:
            images.scroll_relative(y=lines[where], animate=False)
        elif where == "home":
            images.scroll_home(animate=False)
        else:
            images.scroll_end(animate=False)


def _names(view: RunView) -> tuple[str, ...]:
    started = view.history.started
    return started.class_names if started is not None else ()
