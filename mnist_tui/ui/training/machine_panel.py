"""The machine panel: CPU, memory and GPUs, the energy, and what limits the speed of training.

The energy is that of whole CPU packages and whole GPUs, so on a shared machine it covers other processes too.
"""

from rich.text import Text
from textual.content import Content
from textual.geometry import Size

from mnist_tui.diagnosis.bottleneck import Bottleneck, Diagnosis, diagnose
from mnist_tui.events import GpuSample, Hardware, HardwareSampled
from mnist_tui.render.text import clip, clip_parts, joules, sanitize, thin_bar, watt_hours
from mnist_tui.runs.energy import EnergyLedger
from mnist_tui.runs.history import History
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget

NOT_YET_MEASURED = "measured every 2 s once Keras is imported"
NOT_YET_DIAGNOSED = "bottleneck analysis starts after 10 s of training"
NEVER_MEASURED, NEVER_DIAGNOSED = "nothing was measured", "trained too briefly for a bottleneck analysis"
DIAGNOSIS_COLOURS = {Bottleneck.STARVED: "warning", Bottleneck.INPUT: "warning", Bottleneck.COMPUTE: "success"}
MAX_GPUS = 4
"""Lines for GPUs; of more GPUs the first are shown."""
GIGA = 1e9
MIN_BAR, MAX_BAR = 4, 30
GPU_NAMES_FROM = 100
"""Width from which the name of each GPU is shown after its values."""


class MachinePanel(LineWidget):
    """A line for the CPU, one for each GPU and one for the diagnosis; a single line if there is no room for more.

    The energy stands in the border.
    """

    DEFAULT_CSS = """
    MachinePanel { border: round $frame; border-title-color: $foreground; height: auto; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._history: History | None = None
        self._diagnosis: Diagnosis | None = None
        self._shown: tuple[object, ...] = ()
        self._energy = ""
        self._rows = 3
        self._is_live = True
        self._is_training = True

    def show(self, view: RunView) -> None:
        """Show the newest sample of the run."""
        history = view.history
        state = (history.hardware, history.started, view.status, history.paused)
        if state == self._shown and self._history is history:
            return
        self._shown, self._history = state, history
        self._is_live = view.status.is_live
        self._is_training = self._is_live and not history.paused
        started, title = history.started, Content("Machine")
        self._diagnosis = None
        if started is not None:
            hardware = started.hardware
            self._diagnosis = diagnose(history.hardware_samples, hardware.cpu_count, hardware.device)
            title = Content.from_markup("Machine  [$quiet]$device[/]", device=sanitize(hardware.device))
        self.set_title(title)
        gpus = len(history.hardware.gpus) if history.hardware is not None else 0
        rows, self._rows = self._rows, 2 + min(MAX_GPUS, max(1, gpus))
        if rows != self._rows:
            self.refresh(layout=True)
        self.redraw()
        self._show_energy()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return self._rows

    def on_resize(self) -> None:
        super().on_resize()
        self._show_energy()

    def _show_energy(self) -> None:
        history, words = self._history, ""
        if history is not None and history.hardware is not None:
            words = clip_parts(energy_words(history.energy), self.size.width - 2)
        if words != self._energy:
            self._energy = words
            self.border_subtitle = Content(words).stylize("$quiet")

    def draw(self) -> list[Text]:
        history, variables, width = self._history, self.app.theme_variables, self.size.width
        if history is None:
            return []
        started, sample = history.started, history.hardware
        if started is None or sample is None:
            text = NOT_YET_MEASURED if self._is_live else NEVER_MEASURED
            return [Text(clip(text, width), style=variables["quiet"])]
        diagnosis = self._diagnosis
        colour = variables.get(DIAGNOSIS_COLOURS.get(diagnosis.kind, ""), "") if diagnosis else variables["quiet"]
        tense = "" if self._is_training else "was "
        if self.size.height == 1:
            short = f"{tense}{diagnosis}" if diagnosis else ""
            return [_single_line(short, colour, summary(sample, started.hardware, history.energy), width)]
        text = NOT_YET_DIAGNOSED if self._is_live else NEVER_DIAGNOSED
        if diagnosis:
            text = tense + diagnosis.at_length()
        busy, rest, quiet = variables["train"], variables["frame"], variables["quiet"]
        return [
            cpu_line(sample, started.hardware, width, busy, rest),
            *gpu_lines(sample, width, busy, rest, quiet)[:MAX_GPUS],
            Text(clip_parts(text, width, "; "), style=colour),
        ]


def _single_line(diagnosis: str, colour: str, values: str, width: int) -> Text:
    if not diagnosis:
        return Text(clip_parts(values, width))
    text = clip_parts(diagnosis, width, "; ")
    room = width - len(text) - 3
    rest = clip_parts(values, room) if room >= 8 else ""
    return Text.assemble((text, colour), f" · {rest}" if rest else "")


def cpu_line(sample: HardwareSampled, hardware: Hardware, width: int, busy: str, rest: str) -> Text:
    """Show the machine's CPU as a bar in the colours `busy` and `rest`, its memory, and the engine's share of both."""
    memory = f"{sample.machine_memory / GIGA:.1f}/{hardware.memory_bytes / GIGA:.0f} GB"
    engine = f"engine {sample.engine_cpu / 100:.1f} cores {sample.engine_memory / GIGA:.1f} GB"
    values = f"{sample.machine_cpu:>4.0f} %  RAM {memory}  {engine}"
    return _bar_line("CPU", sample.machine_cpu, values, width, busy, rest)


def gpu_lines(sample: HardwareSampled, width: int, busy: str, rest: str, quiet: str) -> list[Text]:
    """Show one line for each GPU, or why there is none."""
    if not sample.gpus:
        note = sanitize(sample.gpu_note) or "none found"
        if len(note) + 5 > width:
            note = note.partition(" (")[0]  # without the driver's message
        return [Text(clip(f"GPU  {note}", width), quiet)]
    labels = ["GPU"] if len(sample.gpus) == 1 else [f"GPU {number}" for number in range(len(sample.gpus))]
    return [_gpu_line(gpu, label, width, busy, rest) for gpu, label in zip(sample.gpus, labels, strict=True)]


def _gpu_line(gpu: GpuSample, label: str, width: int, busy: str, rest: str) -> Text:
    name = sanitize(gpu.name)
    values = f"{_value(gpu.utilisation, ' %'):>6}  {_memory(gpu):>11}  {_value(gpu.power, ' W'):>5}"
    values += f"  {_value(gpu.temperature, ' °C'):>5}  {_value(gpu.clock, ' MHz'):>9}"
    if width >= GPU_NAMES_FROM:
        values += "  " + clip(name, width // 4)
    # the last part of a name distinguishes the MIG devices of a GPU
    return _bar_line(label, gpu.utilisation, values, width, busy, rest, without_bar=name.rpartition(", ")[2])


def energy_words(energy: EnergyLedger) -> str:
    """Return the energy that the run used so far, for each image, and what it covers, the most important first."""
    used, paused = energy.worked.watt_hours, energy.paused.watt_hours
    if used is None:
        return f"energy N/A{energy.note and f': {sanitize(energy.note)}'}"
    parts = [
        watt_hours(used, at_least=energy.is_partial),
        f"{joules(energy.joules_per_image)} an image",
        energy.covers,
        *([f"pauses {watt_hours(paused)}"] if paused else []),
    ]
    return " · ".join(parts)


def summary(sample: HardwareSampled, hardware: Hardware, energy: EnergyLedger) -> str:
    """Return the sample as one line of parts, the most important first."""
    parts = [f"GPU {_value(gpu.utilisation, ' %')} {_memory(gpu)}" for gpu in sample.gpus[:1]]
    parts.append(f"CPU {sample.machine_cpu:.0f} %")
    parts.append(f"RAM {sample.machine_memory / GIGA:.1f}/{hardware.memory_bytes / GIGA:.0f} GB")
    if not sample.gpus:
        parts.append("no GPU")
    if energy.worked.total is not None:
        parts.append(watt_hours(energy.worked.watt_hours, at_least=energy.is_partial))
    return " · ".join(parts)


def _bar_line(
    label: str, percent: float | None, values: str, width: int, busy: str, rest: str, without_bar: str = ""
) -> Text:
    values = clip_parts(values, max(0, width - len(label) - 1), "  ")
    room = min(MAX_BAR, width - len(label) - len(values) - 1)
    line = Text(f"{label} ", no_wrap=True)
    if room >= MIN_BAR and percent is not None:
        done, left = thin_bar(percent / 100, room)
        line.append(done, busy).append(left, rest)
    elif room >= MIN_BAR:
        line.append(f"{clip(without_bar, room):<{room}}", rest)
    return line.append(values)


def _value(value: float | None, unit: str) -> str:
    return "N/A" if value is None else f"{value:,.0f}{unit}"


def _memory(gpu: GpuSample) -> str:
    if gpu.memory_used is None or gpu.memory_total is None:
        return "N/A"
    return f"{gpu.memory_used / GIGA:.1f}/{gpu.memory_total / GIGA:.0f} GB"
