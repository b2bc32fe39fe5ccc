"""Which settings the home screen offers, and how they read: for the form, and for its first paint in plain words."""

from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue

SHOWN = ("preset", "epochs", "batch_size", "learning_rate", "optimizer", "seed", "data")
LABEL_WIDTH = 15


def default_text(catalogue: Catalogue, key: str, preset: str) -> str:
    """A setting as it stands in its field when nobody typed."""
    value = catalogue.default(key, preset)
    return f"{value:g}" if isinstance(value, float) else str(value)


def sketch(catalogue: Catalogue, preset: str) -> str:
    """All settings, a line each, as they will stand in the form."""
    return "\n".join(
        f"{SETTINGS_BY_KEY[key].label:<{LABEL_WIDTH}}{default_text(catalogue, key, preset)}" for key in SHOWN
    )
