import itertools

from mnist_tui.render.heatmap import Heat, glow, ink_on, shade, shade_change

HEAT = Heat(
    background=(14, 17, 23),
    quiet=((29, 33, 41), (47, 51, 61)),
    glow=tuple((red, 26, 33) for red in range(43, 255)),
    better=((0, 95, 0), (0, 200, 0)),
)


def distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def test_an_empty_cell_has_no_shade() -> None:
    assert shade(0, 100, False, HEAT) == HEAT.background
    assert shade(0, 0, True, HEAT) == HEAT.background


def test_the_glow_grows_with_the_share_up_to_a_tenth_of_the_row() -> None:
    glows = [glow(share) for share in (0.0, 0.001, 0.01, 0.05, 0.1)]
    assert glows == sorted(set(glows))
    assert shade(100, 1000, False, HEAT) == shade(500, 1000, False, HEAT) == HEAT.glow[-1]


def test_one_misclassified_digit_in_a_thousand_is_visible() -> None:
    assert distance(shade(1, 1000, False, HEAT), HEAT.background) > 40


def test_a_perfect_diagonal_is_quieter_than_a_few_percent_of_confusions() -> None:
    quiet = distance(shade(1000, 1000, True, HEAT), HEAT.background)
    assert quiet < distance(shade(30, 1000, False, HEAT), HEAT.background)


def test_numbers_have_a_contrast_of_at_least_four_and_a_half() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    steps = range(0, 256, 51)
    for red, green, blue in itertools.product(steps, steps, steps):
        background = (red, green, blue)
        dark, light = sorted((luminance(background), luminance(ink_on(background))))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_change_is_shaded_as_better_or_worse() -> None:
    assert shade_change(0.2, False, HEAT) == HEAT.glow[-1]
    assert shade_change(-0.2, True, HEAT) == HEAT.better[-1]
    for share in (0.0, float("nan")):
        assert shade_change(share, True, HEAT) == HEAT.background
