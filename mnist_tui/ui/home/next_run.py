"""The settings of the home screen's form, also as plain text for its first paint."""

from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue

SHOWN = ("preset", "epochs", "batch_size", "learning_rate", "optimizer", "until", "seed", "data", "model")
LABEL_WIDTH = 15


def default_text(catalogue: Catalogue, key: str, preset: str) -> str:
    """Return a setting's default as its field shows it, empty for an optional one."""
    value = catalogue.default(key, preset)
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def sketch(catalogue: Catalogue, preset: str) -> str:
    """Return all settings as the form will show them, one per line."""
    return "\n".join(
        f"{SETTINGS_BY_KEY[key].label:<{LABEL_WIDTH}}{default_text(catalogue, key, preset)}" for key in SHOWN
    )
