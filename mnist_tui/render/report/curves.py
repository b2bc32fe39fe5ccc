"""Curves and reliability diagrams as SVG. Colours are CSS variables of the page (assets/report.css)."""

from html import escape

import numpy as np

from mnist_tui.render.report.content import Calibration, Chart, Numbers
from mnist_tui.render.ticks import decimals, log_ticks, nice_ticks, tick_label

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 10, 26
LOG_RATIO = 30
"""Ratio of largest to smallest value from which on the y axis is logarithmic."""
MAX_MARKERS = 60
SIDE = 300
"""Width and height of a reliability diagram."""


def curve_chart(chart: Chart) -> str:
    """Draw the range and the mean of a metric in training, and the validated epochs as points."""
    low, high, is_log = _range(chart)
    last = max((float(each[-1]) for each in (chart.steps, chart.point_steps) if len(each)), default=1.0)

    def across(steps: Numbers) -> Numbers:
        return LEFT + steps / max(last, 1.0) * (WIDTH - LEFT - RIGHT)

    def up(values: Numbers) -> Numbers:
        bounds = np.array([low, high])
        if is_log:
            values, bounds = np.log(np.maximum(values, low / 10)), np.log(bounds)
        share = (values - bounds[0]) / (bounds[1] - bounds[0])
        rows: Numbers = HEIGHT - BOTTOM - np.clip(share, -0.2, 1.2) * (HEIGHT - TOP - BOTTOM)
        return rows

    ticks = (log_ticks if is_log else nice_ticks)(low, high, 6)
    parts = []
    for tick, y in zip(ticks, up(np.array(ticks)).tolist(), strict=True):
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        places = decimals([tick] if is_log else ticks)
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_label(tick, places)}</text>'
        )
    steps = [tick for tick in nice_ticks(0, last, 6) if tick == int(tick)]
    for tick, x in zip(steps, across(np.array(steps)).tolist(), strict=True):
        anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{_label(tick, 0)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    clip = f'<svg x="{LEFT}" y="{TOP - 4}" width="{WIDTH - LEFT - RIGHT + 6}" height="{HEIGHT - TOP - BOTTOM + 4}"'
    parts.append(f'{clip} viewBox="{LEFT} {TOP - 4} {WIDTH - LEFT - RIGHT + 6} {HEIGHT - TOP - BOTTOM + 4}">')
    known = np.isfinite(chart.mean)
    x, lower, upper, mean = (
        each[known] for each in (across(chart.steps), up(chart.low), up(chart.high), up(chart.mean))
    )
    if len(x):
        around = _points(np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]]))
        parts += [f'<path class="band" d="M{around}Z"/>', f'<path class="train" d="M{_points(x, mean)}"/>']
    validated = np.isfinite(chart.points)
    if validated.any():
        x, y = across(chart.point_steps), up(chart.points)
        parts.append(f'<path class="validation" d="M{_points(x[validated], y[validated])}"/>')
        if validated.sum() <= MAX_MARKERS:
            parts += [
                f'<circle class="point" cx="{x[each]:.1f}" cy="{y[each]:.1f}" r="3"/>'
                for each in np.flatnonzero(validated)
            ]
        if chart.best is not None and validated[chart.best]:
            parts.append(f'<circle class="best" cx="{x[chart.best]:.1f}" cy="{y[chart.best]:.1f}" r="5.5"/>')
    parts += [
        f'<path class="broken" d="M{x:.1f} {TOP + 7}l-5 -9h10z"/>' for x in across(chart.steps[chart.broken]).tolist()
    ]
    parts.append("</svg>")
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)} by step">'
    return f"{head}{''.join(parts)}</svg>"


def reliability_diagram(calibration: Calibration) -> str:
    """Draw the accuracy of each bin of confidence as a bar, and the gap to the mean confidence."""
    edge, room = 36, SIDE - 46
    width = room / len(calibration.counts)
    parts = []
    for tick in (0, 25, 50, 75, 100):
        y, x = SIDE - edge + 8 - tick / 100 * room, edge + tick / 100 * room
        parts.append(f'<path class="grid" d="M{edge} {y:.1f}H{edge + room}"/>')
        parts.append(f'<text class="tick" x="{edge - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{SIDE - 8}" text-anchor="middle">{tick}</text>')
    base = SIDE - edge + 8
    for place, (accuracy, confidence, count) in enumerate(
        zip(calibration.accuracy.tolist(), calibration.confidence.tolist(), calibration.counts.tolist(), strict=True)
    ):
        if not count:
            continue
        x, low, high = edge + place * width + 1, min(accuracy, confidence), max(accuracy, confidence)
        tip = f"<title>{count:,} images: accuracy {accuracy:.1%}, confidence {confidence:.1%}</title>"
        parts.append(f'<rect class="bar" x="{x:.1f}" y="{base - accuracy * room:.1f}" width="{width - 2:.1f}" height="')
        kind = "over" if confidence > accuracy else "under"
        parts.append(f'{accuracy * room:.1f}">{tip}</rect><rect class="{kind}" ')
        parts.append(f'x="{x:.1f}" y="{base - high * room:.1f}" width="{width - 2:.1f}" ')
        parts.append(f'height="{(high - low) * room:.1f}">{tip}</rect>')
    parts.append(f'<path class="ideal" d="M{edge} {base}L{edge + room} {base - room}"/>')
    return (
        f'<svg class="square" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="Reliability diagram">'
        f"{''.join(parts)}</svg>"
    )


def _range(chart: Chart) -> tuple[float, float, bool]:
    """Return the y axis of a chart: its first twentieth, which would flatten all else, may be cut off."""
    validated = chart.points[np.isfinite(chart.points)]
    settled = chart.mean[len(chart.mean) // 20 :]
    settled = settled[np.isfinite(settled)]
    values = np.concatenate([settled, validated])
    if not len(values):
        return 0.0, 1.0, False
    low, high = float(values.min()), float(values.max())
    if chart.may_be_log and low > 0 and high / low >= LOG_RATIO:
        return low / 1.2, high * 1.2, True
    if len(settled) > 20:
        low = min([float(np.percentile(settled, 1)), *validated.tolist()])
        high = max([float(np.percentile(settled, 99)), *validated.tolist()])
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return max(chart.bounds[0], low - room), min(chart.bounds[1], high + room), False


def _label(value: float, places: int) -> str:
    return escape(tick_label(value, places))


def _points(x: Numbers, y: Numbers) -> str:
    return "L".join(f"{across:.1f} {down:.1f}" for across, down in zip(x.tolist(), y.tolist(), strict=True))
