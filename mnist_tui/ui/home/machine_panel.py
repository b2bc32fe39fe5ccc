"""The machine on the home screen: its load, its free memory and disk, and its GPUs, all known without Keras."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.text import Text
from textual import work
from textual.geometry import Size

from mnist_tui.events import GpuSample
from mnist_tui.render.text import clip, clip_parts, data_size, sanitize, thin_bar
from mnist_tui.ui.shared.line_widget import LineWidget

SAMPLE_SECONDS = 2.0
LEAST_CHANGE = 0.05
"""Share of the whole by which a value changes before it is shown, so that an idle machine writes no bytes."""
LABEL_WIDTH, BAR_WIDTH = 5, 12
MOST_GPUS = 8
"""GPUs that are shown."""


@dataclass(frozen=True)
class MachineLoad:
    """The load at one time; memory and disk in bytes."""

    cpu: float
    """Percent of all cores."""
    cores: int
    memory_used: int
    memory_total: int
    disk_free: int
    """Free bytes of the disk with the runs."""
    disk_total: int
    gpus: tuple[GpuSample, ...] = ()
    gpu_note: str = ""
    """Reason why `gpus` is empty."""


class HomeMachinePanel(LineWidget):
    """One line each for CPU, memory, disk and every GPU."""

    DEFAULT_CSS = """
    HomeMachinePanel { border: round $frame; border-title-color: $foreground; height: auto; padding: 0 1; }
    """

    def __init__(self, sample: Callable[[], MachineLoad]) -> None:
        """Take the function that samples the machine, which is called in a thread."""
        super().__init__()
        self._sample = sample
        self._load: MachineLoad | None = None
        self.set_title("Machine")

    def on_mount(self) -> None:
        self.set_interval(SAMPLE_SECONDS, self._poll)

    def on_show(self) -> None:
        self._poll()

    def _poll(self) -> None:
        if self.screen.is_active and self.display:  # most terminals have no room for it
            self._read()

    @work(thread=True, exclusive=True, group="machine")
    def _read(self) -> None:
        self.app.call_from_thread(self.show, self._sample())

    def show(self, load: MachineLoad) -> None:
        """Show a sample, except for values that have hardly changed."""
        before = self._load
        self._load = load if before is None else steadied(before, load)
        if before is None or len(before.gpus) != len(load.gpus):
            self.refresh(layout=True)
        if self._load != before:
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return 3 + max(1, min(MOST_GPUS, len(self._load.gpus) if self._load is not None else 1))

    def draw(self) -> list[Text]:
        load, variables, width = self._load, self.app.theme_variables, self.size.width
        if load is None:
            return []

        def line(label: str, share: float | None, text: str) -> Text:
            done, rest = thin_bar(share or 0.0, BAR_WIDTH)
            text = clip_parts(text, max(0, width - LABEL_WIDTH - BAR_WIDTH - 2))
            return Text.assemble(
                (f"{label:<{LABEL_WIDTH}}", variables["quiet"]),
                (done, variables["train"]),
                (rest, variables["frame"]),
                f"  {text}",
            )

        used, total = data_size(load.memory_used), data_size(load.memory_total)
        cores = f"{load.cores} core{'' if load.cores == 1 else 's'}"
        disk_used = 1 - load.disk_free / max(1, load.disk_total)
        lines = [
            line("CPU", load.cpu / 100, f"{load.cpu:.0f} % of {cores}"),
            line("RAM", load.memory_used / max(1, load.memory_total), f"{used} of {total}"),
            line("disk", disk_used, f"{data_size(load.disk_free)} free · of {data_size(load.disk_total)}"),
        ]
        shown = load.gpus[:MOST_GPUS]
        lines += [line("GPU", gpu.utilisation and gpu.utilisation / 100, gpu_words(gpu)) for gpu in shown]
        if not load.gpus:
            note = sanitize(load.gpu_note) or "none found"
            lines.append(Text(clip(f"{'GPU':<{LABEL_WIDTH}}{note.partition(' (')[0]}", width), variables["quiet"]))
        return lines


def gpu_words(gpu: GpuSample) -> str:
    """Return utilisation, memory and name of a GPU; N/A for what its driver does not report."""
    busy = "N/A" if gpu.utilisation is None else f"{gpu.utilisation:.0f} %"
    memory = "N/A"
    if gpu.memory_used is not None and gpu.memory_total is not None:
        memory = f"{data_size(gpu.memory_used)} of {data_size(gpu.memory_total)}"
    return f"{busy} · {memory} · {sanitize(gpu.name)}"


def steadied(before: MachineLoad, now: MachineLoad) -> MachineLoad:
    """Return the newer load with the earlier values of what has hardly changed."""

    def is_near(old: float | None, new: float | None, whole: float | None) -> bool:
        if old is None or new is None or not whole:
            return old == new
        return abs(new - old) < LEAST_CHANGE * whole

    gpus = tuple(
        old
        if old.name == new.name
        and is_near(old.utilisation, new.utilisation, 100)
        and is_near(old.memory_used, new.memory_used, new.memory_total)
        else new
        for old, new in zip(before.gpus, now.gpus, strict=False)
    )
    if is_near(before.cpu, now.cpu, 100):
        now = replace(now, cpu=before.cpu)
    if is_near(before.memory_used, now.memory_used, now.memory_total):
        now = replace(now, memory_used=before.memory_used)
    if is_near(before.disk_free, now.disk_free, now.disk_total):
        now = replace(now, disk_free=before.disk_free)
    return replace(now, gpus=gpus + now.gpus[len(gpus) :])
