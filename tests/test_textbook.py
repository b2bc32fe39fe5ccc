"""The textbook is complete and in order, and its figures are those of the presets."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from mnist_tui.engine.models.presets import PRESETS, Preset
from mnist_tui.settings import OPTIMIZERS, SETTINGS_BY_KEY
from mnist_tui.textbook import INDEX, page_of, page_text, pages, topics

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "assets" / "why"
PARTS = ["What it does", "Why it is here", "Formula", "Look at it here", "Source"]
LONGEST_FORMULA = 74
"""Columns that a page has in a terminal of 80."""
NAMES = [page.name for page in pages() if page.name != INDEX]


def test_the_index_lists_every_page_once() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != INDEX)


def test_topics_lead_to_pages() -> None:
    assert {page for table in topics().values() for page in table.values()} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_all_its_parts(name: str) -> None:
    text = page_text(name)
    (page,) = (page for page in pages() if page.name == name)
    assert text.startswith(f"# {page.title}\n"), "the index and the page name it alike"
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    sections = dict(zip(["lead", *PARTS], re.split(r"^## .*$", text, flags=re.MULTILINE), strict=True))
    assert all(len(section.strip()) > 20 for section in sections.values())
    formulas = [line for line in sections["Formula"].splitlines() if line.startswith("    ")]
    assert formulas
    assert max(map(len, formulas)) <= LONGEST_FORMULA
    assert re.search(r"\(?(19|20)\d\d\)?", sections["Source"]), "a source has a year"
    assert 15 <= len(text.splitlines()) <= 60


@pytest.mark.parametrize("name", PRESETS)
def test_every_layer_of_every_preset_has_a_page(name: str) -> None:
    model = PRESETS[name].build((28, 28, 1), 10)
    kinds = {type(layer).__name__ for layer in model.layers} - {"InputLayer"}
    activations = {layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")} - {"linear"}
    assert [kind for kind in kinds if page_of("layers", kind) == INDEX] == []
    assert [each for each in activations if page_of("activations", each) == INDEX] == []


def test_every_layer_of_an_inference_model_has_a_page() -> None:
    from mnist_tui.engine.models.inference import inference_model

    members = [PRESETS["mlp"].build((28, 28, 1), 10) for _ in range(2)]
    model = inference_model(members, ((0, 0), (1, 0)))
    kinds = {type(layer).__name__ for layer in model.layers} - {"InputLayer", "Sequential"}
    assert [kind for kind in kinds if page_of("layers", kind) == INDEX] == []


def test_every_optimizer_loss_and_part_of_a_recipe_has_a_page() -> None:
    assert sorted(topics()["optimizers"]) == sorted(OPTIMIZERS)
    assert set(topics()["recipe"]) == {each.name for each in fields(Preset)} - {"recipe", "build"}
    assert set(topics()["settings"]) <= set(SETTINGS_BY_KEY)
    assert page_of("losses", "categorical_crossentropy") != INDEX


def test_figures_of_the_presets_are_those_of_the_code() -> None:
    fast, best = PRESETS["fast"], PRESETS["best"]
    assert fast.label_smoothing == best.label_smoothing == 0.1
    assert (fast.optimizer_options["weight_decay"], best.optimizer_options["weight_decay"]) == (0.01, 0.02)
    assert (fast.recipe.learning_rate, best.ema_decay, len(best.shifts)) == (0.02, 0.99, 5)
    assert best.augmentation is not None
    limits = best.augmentation
    assert (limits.degrees, limits.shear, limits.scale, limits.pixels, limits.elastic) == (13, 0.13, 0.13, 2, 0.4)
    with_adam = {name for name, preset in PRESETS.items() if preset.recipe.optimizer == "adam"}
    assert with_adam == {"reference", "lenet5", "mlp"}


def test_an_unknown_topic_leads_to_the_index() -> None:
    assert page_of("layers", "MyLayer") == page_of("nothing", "x") == INDEX
