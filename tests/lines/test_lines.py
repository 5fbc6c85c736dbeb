import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.lines import LineList, LineStrength


def test_table_is_whole_and_counts_what_it_leaves_out():
    lines = LineList.builtin()
    assert len(lines) == 398
    assert lines.n_skipped == 9
    assert len(set(lines.species)) == 41  # Nd II and Ce II keep their optical lines
    assert np.all(np.diff(lines.wavelength) >= 0)


def test_medium_is_converted_as_the_literature_has_it():
    vacuum, air = LineList.builtin("vacuum"), LineList.builtin("air")
    # H alpha 6564.61 vacuum, 6562.80 air; Mg I 15765.84 air (Melendez & Barbuy 1999), 15770.15 vacuum
    assert np.min(np.abs(vacuum.of("H").wavelength - 6564.61)) < 0.01
    assert np.min(np.abs(air.of("H I").wavelength - 6562.80)) < 0.01
    assert np.min(np.abs(vacuum.of("Mg").wavelength - 15770.148)) < 0.01
    assert np.allclose(vacuum.to("air").wavelength, air.wavelength, atol=1e-6)


def test_no_europium_line_in_the_h_band():
    band = LineList.builtin().within(15_100, 17_000)
    assert len(band) > 120
    assert "Eu" not in band.element
    assert "Eu" in LineList.builtin("air").within(6478, 6737).element


def test_selection_shift_and_stack():
    iron = LineList.builtin().of("Fe II")
    assert set(iron.species) == {"Fe II"}
    assert np.allclose(iron.shifted(4.5).wavelength - iron.wavelength, 4.5)
    both = LineList.stack([iron, LineList.builtin("air").of("Eu")])
    assert both.medium == "vacuum"
    assert len(both) == len(iron) + 11
    assert iron.shifted(0.0).stage.tolist() == [1] * len(iron)


def test_wrong_input_gets_a_sentence():
    frame = pd.DataFrame(
        [("Fe", "I", 6000.0, "helium", 1.0, -1.0, "x")],
        columns=["element", "ion", "wavelength", "medium", "excitation_potential", "log_gf", "source"],
    )
    with pytest.raises(InputError, match="'air' or 'vacuum'"):
        LineList.from_frame(frame)
    with pytest.raises(InputError, match="column 'medium'"):
        LineList.from_frame(frame.drop(columns="medium"))
    with pytest.raises(InputError, match="medium"):
        LineList(["Fe"], ["I"], [6000.0], "", [1.0], [0.0], ["x"])
    blank = LineList(["Fe"], ["I"], [6000.0], "air", [1.0], [np.nan], ["x"])
    assert blank.complete.tolist() == [False]
    with pytest.raises(InputError, match="no log gf"):
        LineStrength(blank)
    with pytest.raises(InputError, match="ion 'III'"):
        LineList(["Fe"], ["III"], [6000.0], "air", [1.0], [0.0], ["x"])
    with pytest.raises(InputError, match="species 'Fe IX'"):
        LineList.builtin().of("Fe IX")
