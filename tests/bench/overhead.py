"""What watching costs the training."""

from tests.bench.result import Result
from tests.bench.side_by_side import speeds

PAIRS = 5


def overhead() -> Result:
    """Images a second of the engine with its screen in front, over a plain script's `model.fit`: preset fast."""
    return _overhead("fast", limit=15_000)


def overhead_reference() -> Result:
    """The same for preset reference."""
    return _overhead("reference", limit=4_000)


def _overhead(preset: str, limit: int) -> Result:
    pairs = speeds(preset, limit, PAIRS)
    return Result(
        value=round(pairs.ratio, 3),
        unit="x the plain script",
        bar=1.0,
        higher_is_better=True,
        raw={"preset": preset, **pairs.raw()},
    )
