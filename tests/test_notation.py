"""Numbers with errors that can be read."""

import math

import pytest

from vfe_lightning.notation import with_error


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-4.89351, 0.00102, "-4.8935(10)"),
        (8.3, 0.0999, "8.30(10)"),
        (7.88e-12, 6.5e-13, "7.88(65)e-12"),
        (9.96e-5, 1.7e-5, "0.000100(17)"),
        (9.85e25, 8.2e24, "9.85(82)e25"),
        (1e-9, 3e-6, "0.0(3.0)e-6"),
        (14.9, 5.5, "14.9(5.5)"),
        (12.3, 45.6, "12(46)"),
        (1234567.0, 7890.0, "1.2346(79)e6"),
        (1e-320, 1e-321, "9.9998887e-321"),
        (123456.0, 789.0, "123456(789)"),
        (-0.25, 0.0, "-0.25"),
        (-1.6257499053, 5.5e-18, "-1.6257499"),
        (1 / 3, math.nan, "0.33333333"),
    ],
)
def test_errors_are_in_units_of_the_last_digits(value, error, words):
    assert with_error(value, error) == words
