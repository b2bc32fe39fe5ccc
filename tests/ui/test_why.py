"""The textbook on the screen: it opens from each place, turns its pages, and reads well in a small terminal."""

import re
from collections.abc import Iterator
from threading import Event

import msgspec
import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Markdown, OptionList

from mnist_tui.control.jobs import JobReport
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.exhibits import Chart, Exhibit, Images, Series, read_exhibit, write_exhibit
from mnist_tui.textbook import INDEX, pages
from mnist_tui.ui.messages import OpenWhy
from mnist_tui.ui.shared.help import HelpScreen
from mnist_tui.ui.training.model_panel import ModelPanel
from mnist_tui.ui.why.page_list import PageList
from mnist_tui.ui.why.screen import WhyScreen
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.program import lines_within, program, settled, text, wait_until


async def shown(pilot: Pilot[int], page: str) -> WhyScreen:
    """Wait for a page of the textbook and return its screen."""
    await wait_until(
        pilot, lambda: isinstance(pilot.app.screen, WhyScreen) and pilot.app.screen.shown == page, f"the page {page}"
    )
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, WhyScreen)
    return screen


async def test_a_key_opens_it_from_the_home_screen() -> None:
    app = program()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("tab", "Y")
        await shown(pilot, INDEX)


async def test_it_opens_from_each_place_of_a_run_and_turns_its_pages() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        await pilot.press("Y")
        screen = await shown(pilot, INDEX)

        await pilot.press("right")
        await shown(pilot, "image")
        await pilot.press("left", "left")
        await shown(pilot, pages()[-1].name)
        screen.post_message(Markdown.LinkClicked(screen.query_one(Markdown), "relu.md"))
        await shown(pilot, "relu")
        await pilot.press("shift+tab", "down")
        await shown(pilot, "tanh")
        await pilot.press("enter")
        assert screen.query_one("#page").has_focus

        await pilot.press("escape")
        app.screen.query_one(ModelPanel).query_one(OptionList).focus()
        await pilot.press("down", "enter")
        screen = await shown(pilot, "convolution")
        assert screen.layer_name == "conv1"

        await pilot.press("5", "Y")
        await shown(pilot, "calibration")
        await pilot.press("Y")
        await shown(pilot, INDEX)
        await pilot.press("escape")
        assert app.screen is app.get_screen("calibration")
        commands = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Why", "Why: Adam"} <= set(commands)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_text_and_list_take_turns_where_there_is_room_for_one(size: tuple[int, int]) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        app.post_message(OpenWhy("adam"))
        screen = await shown(pilot, "adam")
        assert "Momentum and RMSprop together" in " ".join(lines_within(app, size[0]))
        assert not screen.query_one(PageList).display
        await pilot.press("tab")
        assert screen.query_one(PageList).has_focus
        await pilot.press("down", "enter")
        await shown(pilot, "weight-decay")
        assert screen.query_one("#page", VerticalScroll).has_focus
        assert "AdamW" in text(app)


async def test_an_exhibit_shows_the_layer_and_the_temperature_that_are_chosen() -> None:
    run = recorded_run()
    series = Series("share of all values", (0.25, 0.5, 0.25))
    charts = tuple(Chart(f"{name}: 50% are cut off", (series,), edges=(-1.0, 2.0)) for name in ("relu1", "relu2"))
    write_exhibit(run, "relu", Exhibit("On 64 images.", step=860, seconds=4.2, charts=charts))
    app = program(run, Clock(finishing_time()))
    async with app.run_test(size=(120, 100)) as pilot:
        await settled(pilot)
        app.post_message(OpenWhy("relu", "relu2"))
        screen = await shown(pilot, "relu")
        assert "computed at step 860 in 4 s" in text(app)
        assert "relu2: 50%" in text(app)
        await pilot.press("shift+left")
        await settled(pilot)
        assert "relu1: 50%" in text(app)

        app.post_message(OpenWhy("softmax"))
        await shown(pilot, "softmax")
        assert "temperature T = 1," in text(app)
        sharp = shares(text(app))
        assert sum(sharp) == pytest.approx(100, abs=0.2)
        await pilot.press("shift+right")
        await settled(pilot)
        assert "temperature T = 1.5," in text(app)
        assert max(shares(text(app))) < max(sharp)
        assert not screen.check_action("compute", ()), "it needs no job"

        app.post_message(OpenWhy("image"))
        await shown(pilot, "image")
        app.post_message(OpenWhy("relu"))
        await shown(pilot, "relu")
        await wait_until(pilot, lambda: "max(0, z)" in text(app), "the curve, after a page without an exhibit")


def shares(words: str) -> list[float]:
    """Return the probabilities of a softmax in percent."""
    return [float(share) for share in re.findall(r"([\d.]+)% +│", words)]


async def test_a_damaged_exhibit_is_as_none_and_without_a_run_there_is_none() -> None:
    run = recorded_run()
    write_exhibit(run, "relu", Exhibit("x"))
    assert read_exhibit(run, "relu") == Exhibit("x")
    broken = Chart("x", (Series("y", (1.0, 2.0)),), labels=("one",))
    for damage in (b"{", msgspec.json.encode(Exhibit("x", charts=(broken,)))):
        run.exhibit_path("relu").write_bytes(damage)
        assert read_exhibit(run, "relu") is None
    images = Images((8, 8), (3,), bytes(64), bytes(range(64)))
    write_exhibit(run, "augmentation", Exhibit("x\x1b[2J", images=images))
    kept = read_exhibit(run, "augmentation")
    assert kept is not None
    assert kept.images == images
    assert "\x1b" not in kept.note
    app = program()
    async with app.run_test(size=(80, 60)) as pilot:
        await settled(pilot)
        app.post_message(OpenWhy("relu"))
        screen = await shown(pilot, "relu")
        assert "Open a run" in text(app)
        assert not screen.check_action("compute", ())


async def test_a_job_computes_the_exhibit_and_is_cancelled_with_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded_run()
    go_on, closed = Event(), Event()

    def job(given: RunDirectory, name: str, argument: str) -> Iterator[JobReport]:
        assert (given.path, name) == (run.path, "exhibit")
        kind, _, step = argument.partition(":")
        try:
            yield JobReport("SGD: step 7 of 60, 9 s left", 0.5)
            assert go_on.wait(30)
            if kind == "gradient":
                raise RunError("this model has no gradient")
            write_exhibit(run, kind, Exhibit("As computed.", step=int(step)))
            yield JobReport("done", 1.0)
        finally:
            closed.set()

    monkeypatch.setattr("mnist_tui.ui.why.exhibit.do_job", job)
    app = program(run, Clock(finishing_time()))
    async with app.run_test(size=(120, 100)) as pilot:
        await settled(pilot)
        for page, result in (("gradient", "has no gradient"), ("sgd", "computed at step 2,580")):
            go_on.clear()
            app.post_message(OpenWhy(page))
            await shown(pilot, page)
            await pilot.press("enter")
            await wait_until(pilot, lambda: "step 7 of 60, 9 s left" in text(app), "the progress")
            go_on.set()
            await wait_until(pilot, lambda: result in text(app), result)  # noqa: B023
        assert read_exhibit(run, "optimizers") == Exhibit("As computed.", step=2580)

        go_on.clear()
        closed.clear()
        await pilot.press("enter")
        await wait_until(pilot, lambda: "step 7 of 60" in text(app), "the progress")
        await pilot.press("escape")
        go_on.set()
        await wait_until(pilot, closed.is_set, "the end of the job")
