"""The range test trains as a run does, with a rate that grows, and leaves no run behind."""

import numpy as np
import pytest

from mnist_tui.analysis.learning_rate import rates
from mnist_tui.cli.wiring import catalogue
from mnist_tui.control.find_rate import find_rate
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine.jobs.find_rate import range_test
from mnist_tui.runs.directory import home, list_runs
from mnist_tui.runs.errors import RunError

SETTINGS = {"preset": "mlp", "optimizer": "sgd", "batch_size": "32", "limit": "240"}


def test_the_loss_is_that_of_a_step_at_each_rate_over_several_epochs() -> None:
    reports: list[JobReport] = []
    range_test(catalogue().complete(SETTINGS), 50, reports.append)
    points = [point for report in reports for point in report.rates]
    tried, losses = zip(*points, strict=True)
    assert tried == pytest.approx(rates(50)[: len(tried)])
    assert len(tried) > 240 // 32, "more than an epoch"
    finite = np.array(losses, dtype=float)
    assert finite[:5] == pytest.approx(2.4, abs=0.5), "nothing is learned at the lowest rates"
    assert np.nanmin(finite) < 0.7 * finite[:5].mean(), "but at higher ones"
    assert reports[-1] == JobReport("done", 1.0)


def test_data_that_cannot_be_read_are_one_line_and_no_run_is_left() -> None:
    config = catalogue().complete(SETTINGS)
    config = type(config)(**{name: getattr(config, name) for name in config.__struct_fields__} | {"data": "/nowhere"})
    with pytest.raises(RunError, match="/nowhere") as refused:
        list(find_rate(config, 50))
    assert "\n" not in str(refused.value)
    assert list_runs() == []
    assert [each.name for each in home().iterdir()] == ["find-lr.log"]
