import math

import pytest

from mnist_tui.render.bars import NOT_FINITE, log_share, sparkline, upright_bars


@pytest.mark.parametrize(
    ("values", "width", "limits", "shown"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, None, "▁▂▃▄▅▆▇█"),
        ([0, 1], 4, None, "  ▁█"),
        ([0, 0, 10, 10], 2, None, "▁█"),  # means of two values
        ([*range(1_000)], 8, None, "▁▂▃▄▅▆▇█"),
        ([0, None, 1, math.nan, math.inf], 5, None, f"▁{NOT_FINITE}█{NOT_FINITE}{NOT_FINITE}"),
        ([None, None], 2, None, NOT_FINITE * 2),
        ([0.0, 0.01], 2, (0, 1), "▁▁"),
        ([-5, 5], 2, (0, 1), "▁█"),
        ([3, 3, 3], 3, None, "▄▄▄"),
        ([3], 5, None, "     "),
        ([], 3, None, "   "),
        ([1, 2], 0, None, ""),
    ],
)
def test_sparkline(values: list[float | None], width: int, limits: tuple[float, float] | None, shown: str) -> None:
    assert sparkline(values, width, limits) == shown


@pytest.mark.parametrize(
    ("shares", "width", "height", "lines"),
    [
        ([0.0, 0.5, 1.0], 3, 2, ["      ██ ", "   ██ ██ "]),
        ([0.25, 0.375, 9 / 16], 2, 1, ["▂ ▃ ▄ "]),
        ([1e-9, 0.0], 2, 3, ["    ", "    ", "▁   "]),
        ([1.0, 0.5], 1, 1, ["█▄"]),
        ([1.5], 2, 1, ["█ "]),
    ],
)
def test_upright_bars(shares: list[float], width: int, height: int, lines: list[str]) -> None:
    assert upright_bars(shares, width, height) == lines


@pytest.mark.parametrize(
    ("count", "maximum", "share"), [(0, 5_000, 0), (5_000, 5_000, 1), (1, 5_000, 0.0814), (0, 0, 0)]
)
def test_a_logarithmic_share_keeps_a_single_count_visible(count: int, maximum: int, share: float) -> None:
    assert log_share(count, maximum) == pytest.approx(share, abs=1e-4)
