import pytest

from mnist_tui.render.matrix_layout import matrix_layout

TEN = tuple(str(each) for each in range(10))


@pytest.mark.parametrize(("width", "height"), [(78, 13), (78, 36), (118, 20), (128, 56), (300, 90)])
def test_ten_classes_fit(width: int, height: int) -> None:
    columns, lines = matrix_layout(TEN, 1135, width, height).size
    assert columns <= width
    assert lines <= height


def test_cells_grow_with_the_room_and_stay_nearly_square() -> None:
    small, large = matrix_layout(TEN, 500, 78, 36), matrix_layout(TEN, 500, 128, 56)
    assert (small.cell_width, small.cell_height) == (6, 3)
    assert (large.cell_width, large.cell_height) == (10, 5)


def test_totals_are_shown_if_they_do_not_make_the_cells_less_high() -> None:
    for width, height, support, predictions in ((78, 36, False, True), (128, 56, True, True), (78, 12, True, False)):
        layout = matrix_layout(TEN, 500, width, height)
        assert (layout.support > 0, layout.has_predictions) == (support, predictions)
        assert layout.size[0] <= width
        assert layout.size[1] <= height


def test_cells_of_many_classes_hold_their_numbers() -> None:
    names = tuple(f"class {each}" for each in range(47))
    layout = matrix_layout(names, 12_345, 78, 13)
    assert layout.tile >= 5
    assert layout.cell_height == 1


def test_a_position_is_translated_into_its_cell() -> None:
    layout = matrix_layout(TEN, 500, 78, 36)
    x, y = layout.cells_left, layout.cells_top
    assert layout.cell_at(x, y) == (0, 0)
    assert layout.cell_at(x + 9 * layout.cell_width, y + 4 * layout.cell_height) == (4, 9)
    assert layout.cell_at(x - 1, y) is None
    assert layout.cell_at(x, y + layout.cells_height) is None


def test_headings_are_numbers_where_clipped_names_would_be_alike_or_too_short() -> None:
    alike = [f"class {number}" for number in range(20)]
    layout = matrix_layout(alike, 99, 100, 40)
    assert layout.headings == tuple(map(str, range(20)))
    assert layout.digits == 2
    assert matrix_layout(alike[:10], 99, 200, 40).headings == tuple(alike[:10])
    assert matrix_layout([f"kind of animal {number}" for number in range(5)], 99, 100, 40).headings == tuple("01234")


def test_long_names_are_clipped_and_short_or_wide_ones_are_kept() -> None:
    assert matrix_layout(["Ankle boot", "Bag"], 99, 40, 10).headings == ("Ankle b…", "Bag")
    layout = matrix_layout(["猫と犬", "x" * 40], 99, 120, 40)
    assert layout.headings[0] == "猫と犬"
    assert layout.digits == 0
    assert layout.label == 22
