"""Numbers in sentences: as papers print them."""

import pytest

from luxjax.core.internal import rounded


@pytest.mark.parametrize(
    ("value", "figures", "text"),
    [
        (1136.2, 2, "1,100"),
        (1_296_000.0, 2, "1,300,000"),
        (99.96, 2, "100"),
        (0.30, 2, "0.30"),
        (0.05564, 2, "0.056"),
        (-0.0269, 1, "-0.03"),
        (104.7, 3, "105"),
        (0.0, 2, "0"),
        (float("nan"), 2, "nan"),
        (1.234e-12, 2, "1.2e-12"),
    ],
)
def test_rounded(value, figures, text):
    assert rounded(value, figures) == text
