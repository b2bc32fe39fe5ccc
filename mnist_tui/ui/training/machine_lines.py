"""Hardware samples -> lines: CPU and memory of the machine and of the engine, and each GPU. N/A is never 0."""

from rich.text import Text

from mnist_tui.events import GpuSample, Hardware, HardwareSampled
from mnist_tui.render.text import clip, sanitize, thin_bar

GIGA = 1e9
NOT_TOLD = "N/A"
SHORTEST_BAR = 4
LONGEST_BAR = 30
NAME_BESIDE = 100
"""From so many columns on, each GPU's name stands behind its figures."""


def cpu_line(sample: HardwareSampled, hardware: Hardware, width: int, busy: str, rest: str) -> Text:
    """The machine's CPU as a bar of colours `busy` and `rest`, its memory, and the engine's share of both."""
    memory = f"{sample.machine_memory / GIGA:.1f}/{hardware.memory_bytes / GIGA:.0f} GB"
    words = f"{sample.machine_cpu:>4.0f} %  RAM {memory}"
    engine = f"  engine {sample.engine_cpu / 100:.1f} cores {sample.engine_memory / GIGA:.1f} GB"
    return _line("CPU", sample.machine_cpu, words + engine, width, busy, rest)


def gpu_line(gpu: GpuSample, label: str, width: int, busy: str, rest: str) -> Text:
    """One GPU: utilisation, memory, power, temperature, clock. In place of the bar that cannot be: its name."""
    name = sanitize(gpu.name)
    words = f"{_figure(gpu.utilisation, ' %'):>6}  {_memory(gpu):>11}  {_figure(gpu.power, ' W'):>5}"
    words += f"  {_figure(gpu.temperature, ' °C'):>5}  {_figure(gpu.clock, ' MHz'):>9}"
    if width >= NAME_BESIDE:
        words += "  " + clip(name, width // 4)
    return _line(label, gpu.utilisation, words, width, busy, rest, instead=name)


def gpu_lines(sample: HardwareSampled, width: int, busy: str, rest: str, quiet: str) -> list[Text]:
    """One line a GPU; without any, one that says so."""
    if not sample.gpus:
        note = sanitize(sample.gpu_note) or "none was read"
        if len(note) + 5 > width:
            note = note.partition(" (")[0]  # without the driver's own words
        return [Text(clip(f"GPU  {note}", width), quiet)]
    labels = ["GPU"] if len(sample.gpus) == 1 else [f"GPU {number}" for number in range(len(sample.gpus))]
    return [gpu_line(gpu, label, width, busy, rest) for gpu, label in zip(sample.gpus, labels, strict=True)]


def in_short(sample: HardwareSampled, hardware: Hardware) -> str:
    """All of it in one line of parts, the most telling first."""
    parts = [f"GPU {_figure(gpu.utilisation, ' %')} {_memory(gpu)}" for gpu in sample.gpus[:1]]
    parts.append(f"CPU {sample.machine_cpu:.0f} %")
    parts.append(f"RAM {sample.machine_memory / GIGA:.1f}/{hardware.memory_bytes / GIGA:.0f} GB")
    if not sample.gpus:
        parts.append("no GPU")
    return " · ".join(parts)


def _line(label: str, percent: float | None, words: str, width: int, busy: str, rest: str, instead: str = "") -> Text:
    words = clip(words, max(0, width - len(label) - 1))
    room = min(LONGEST_BAR, width - len(label) - len(words) - 1)
    line = Text(f"{label} ", no_wrap=True)
    if room >= SHORTEST_BAR and percent is not None:
        done, left = thin_bar(percent / 100, room)
        line.append(done, busy).append(left, rest)
    elif room >= SHORTEST_BAR:
        line.append(f"{clip(_last_words(instead), room):<{room}}", rest)
    return line.append(words)


def _last_words(name: str) -> str:
    """What tells a MIG device from the others of its GPU."""
    return name.rpartition(", ")[2]


def _figure(value: float | None, unit: str) -> str:
    return NOT_TOLD if value is None else f"{value:,.0f}{unit}"


def _memory(gpu: GpuSample) -> str:
    if gpu.memory_used is None or gpu.memory_total is None:
        return NOT_TOLD
    return f"{gpu.memory_used / GIGA:.1f}/{gpu.memory_total / GIGA:.0f} GB"
