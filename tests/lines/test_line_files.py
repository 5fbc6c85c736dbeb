"""Line lists as a stranger would export them: the layouts are VALD's and MOOG's own, the numbers chosen here."""

import gzip

import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.lines import LineList

SHORT_STELLAR = """\
 6640.00000, 6650.00000, 4, 9817, 1.0 Wavelength region, lines selected, lines processed, Vmicro
                                                 Damping parameters   Lande  Central
Spec Ion       WL_air(A) Excit(eV) Vmic log gf*  Rad.   Stark  Waals  factor  depth  Reference
'Fe 1',       6643.62980,  1.6759, 1.0, -2.443, 7.970,-6.120,-7.800,  1.640, 0.612, '   1 wl:K14   2 K14 Fe            '
'Eu 2',       6645.09800,  1.3797, 1.0,  0.120, 0.000, 0.000, 0.000, 99.000, 0.101, '   3 wl:LWHS  3 LWHS Eu+          '
'TiO 1',      6646.00316,  0.9562, 1.0,  0.389, 6.944, 0.000, 0.000, 99.000, 0.123, '   4 wl:PPN2012 (48)TiO       '
'Nd 3',       6647.00000,  0.5000, 1.0, -1.000, 0.000, 0.000, 0.000, 99.000, 0.050, '   5 DREAM Nd++            '
'castelli_ap00k2_T04750G25.krz',
'H :  0.92','He: -1.11',
'Eu:-11.53','Gd:-10.92','END'
* oscillator strengths were scaled by the solar isotopic ratios.
 References:
  1. Kurucz obs. energy level: Fe 1
"""

SHORT_ALL = """\
                                             Damping parameters  Lande
Elm Ion       WL_vac(nm) Excit(eV) log gf*   Rad.  Stark    Waals factor   References
'Ti 1',      500.012350,   3.1124, -0.760,  7.970,-5.260,  -7.540,  0.780,'  15 wl:K16  15 K16  15 gf:K16        Ti'
"""

LONG_ALL_WAVENUMBER = """\
                                                                               Lande factors        Damping parameters
Elm Ion       WL_air(A)  log gf* E_low(cm^-1)   J lo  E_up(cm^-1)   J up   lower   upper    mean   Rad.  Stark    Waals
'Ti 1',      4998.72899,  -0.760,  25102.875,    2.0,  45102.381,    3.0,  1.930,  1.360,  0.780, 7.970,-5.260,  -7.540,
  LS                                                             3d2.(3P).4s.4p.(3P*) z5S*
  LS                                                                     3d2.4s.(2D).5s 3D
'_          Kurucz TiI 2016    7 wl:K16   7 gf:K16   7 K16   7 K16   7 K16   7 K16   7 K16   7 K16             Ti'
"""

LONG_STELLAR = """\
 5000.00000, 5001.00000, 1, 6413, 1.0 Wavelength region, lines selected, lines processed, Vmicro
                                                                     Lande factors       Damping parameters  Central
Spec Ion       WL_vac(A)  log gf* E_low(eV) J lo E_up(eV)  J up  lower   upper    mean   Rad.   Stark  Waals  depth
'Ti 1',       5000.1235,  -0.760,  3.1124,  2.0,  5.5920,  3.0,  1.930,  1.360,  0.780, 7.970,-5.260,-7.540, 0.018,
'  LS                                                             3d2.(3P).4s.4p.(3P*) z5S*'
'  LS                                                                     3d2.4s.(2D).5s 3D'
'_          Kurucz TiI 2016 Ti               1 wl:K16   1 gf:K16   1 K16   1 K16   1 K16   1 K16   1 K16   1 K16'
"""

MOOG = """\
europium and neighbours, made up
  6643.630  26.00000     1.676    -2.443                              BEL17
  6645.098  63.10151     1.380     0.120     2.000
 -6645.110  63.10153 11127.000     0.120
 6646.2490 112.00124     0.607     0.520               1.340              -10.4

  6647.582   25.0055     3.132    -3.363     0.000                        -11.5
"""

CSV = """\
element,ion,wavelength,medium,excitation_potential,log_gf,source,note
Eu,II,6645.098,air,1.38,0.12,Lawler 2001,mine
Ce,II,15288.9,vacuum,,,Cunha 2017,no log gf
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_vald_extract_stellar_short(tmp_path):
    lines = LineList.read(written(tmp_path, "eu.txt", SHORT_STELLAR))
    assert lines.medium == "air"
    assert lines.species.tolist() == ["Fe I", "Eu II"]
    assert np.allclose(lines.wavelength, [6643.6298, 6645.098])
    assert np.allclose(lines.excitation_potential, [1.6759, 1.3797])
    assert np.allclose(lines.log_gf, [-2.443, 0.12])
    assert lines.n_skipped == 2  # TiO and Nd III; the composition below is no line
    packed = tmp_path / "eu.gz"
    packed.write_bytes(gzip.compress(SHORT_STELLAR.encode()))
    assert np.array_equal(LineList.read(packed).wavelength, lines.wavelength)


@pytest.mark.parametrize(
    ("text", "medium", "wavelength"),
    [
        (SHORT_ALL, "vacuum", 5000.1235),
        (LONG_ALL_WAVENUMBER, "air", 4998.72899),
        (LONG_STELLAR, "vacuum", 5000.1235),
    ],
)
def test_the_other_layouts_of_vald_hold_the_same_line(tmp_path, text, medium, wavelength):
    lines = LineList.read(written(tmp_path, "ti.vald", text))
    assert (lines.medium, lines.species.tolist()) == (medium, ["Ti I"])
    assert np.allclose(lines.wavelength, wavelength)
    assert np.allclose(lines.excitation_potential, 3.1124, atol=1e-4)
    assert np.allclose(lines.log_gf, -0.76)
    assert np.allclose(lines.to("vacuum").wavelength, 5000.1235, atol=1e-3)


def test_moog(tmp_path):
    path = written(tmp_path, "list.moog", MOOG)
    lines = LineList.read(path, medium="air")
    assert lines.species.tolist() == ["Fe I", "Eu II", "Eu II", "Mn I"]
    assert np.allclose(lines.wavelength, [6643.63, 6645.098, 6645.11, 6647.582])
    assert np.allclose(lines.excitation_potential, [1.676, 1.38, 1.3796, 3.132], atol=1e-4)
    assert lines.n_skipped == 1  # MgH
    with pytest.raises(InputError, match="air or in vacuum; give medium='air' or"):
        LineList.read(path)


def test_moog_in_fields_that_touch(tmp_path):
    row = f"{16645.0981:10.4f}{63.1:10.5f}{11.3797:10.4f}{-10.12345:10.5f}"
    assert LineList.read(written(tmp_path, "m", f"title\n{row}\n"), "vacuum").wavelength == 16645.0981


def test_csv_keeps_lines_without_log_gf(tmp_path):
    path = written(tmp_path, "mine.csv", CSV)
    lines = LineList.read(path)
    assert lines.medium == "vacuum"  # its rows differ
    assert np.allclose(lines.wavelength, [6646.933, 15288.9], atol=2e-3)
    assert lines.complete.tolist() == [True, False]
    bare = written(tmp_path, "bare.csv", "Element, Ion, Wavelength\nEu, 2, 6645.098\n")
    assert LineList.read(bare, "air").species.tolist() == ["Eu II"]
    with pytest.raises(InputError, match="air or in vacuum"):
        LineList.read(bare)


def test_builtin_table_reads_as_a_stranger_s(tmp_path):
    from importlib import resources

    with resources.as_file(resources.files("luxjax.lines") / "lines.csv") as path:
        lines = LineList.read(path)
    whole = lines.select(lines.complete)
    assert np.allclose(whole.wavelength, LineList.builtin().wavelength)
    assert np.sum(~lines.complete) == 9


def test_wrong_files_get_a_sentence(tmp_path):
    vald = written(tmp_path, "eu.txt", SHORT_STELLAR)
    with pytest.raises(InputError, match="in air and medium='vacuum' was given"):
        LineList.read(vald, "vacuum")
    with pytest.raises(InputError, match="medium 'helium' is not known"):
        LineList.read(vald, "helium")
    with pytest.raises(InputError, match="no line-list format 'kurucz'"):
        LineList.read(vald, format="kurucz")
    with pytest.raises(InputError, match="there is no line list"):
        LineList.read(tmp_path / "nowhere.vald")
    with pytest.raises(InputError, match="cannot|can be recognised"):
        LineList.read(written(tmp_path, "page.html", "<html>\n<body>login</body>\n"))
    with pytest.raises(InputError, match="lacks the header"):
        LineList.read(written(tmp_path, "cut.vald", "\n".join(SHORT_STELLAR.splitlines()[3:])))
    with pytest.raises(InputError, match="no wavelength unit 'cm\\^-1'"):
        LineList.read(written(tmp_path, "wn.vald", SHORT_ALL.replace("(nm)", "(cm^-1)")))
    with pytest.raises(InputError, match="line 3 of .* is not a VALD transition"):
        LineList.read(written(tmp_path, "torn.vald", SHORT_ALL.replace("3.1124", "abc")))
    with pytest.raises(InputError, match="line 3 of .* is not a MOOG line"):
        LineList.read(written(tmp_path, "torn.moog", MOOG.replace("6645.098", "zz")), "air")
    with pytest.raises(InputError, match="column 'ion'"):
        LineList.read(written(tmp_path, "no_ion.csv", CSV.replace(",ion,", ",stage,")))
    with pytest.raises(InputError, match="'log_gf' .* holds text"):
        LineList.read(written(tmp_path, "text.csv", CSV.replace("0.12", "strong")))
    with pytest.raises(InputError, match="medium 'helium'"):
        LineList.read(written(tmp_path, "he.csv", CSV.replace("vacuum", "helium")))
    with pytest.raises(InputError, match="holds no line of a neutral"):
        LineList.read(written(tmp_path, "mol.vald", SHORT_ALL.replace("Ti 1", "TiO 1")))
    binary = tmp_path / "image.fits"
    binary.write_bytes(bytes(range(200, 256)) * 4)
    with pytest.raises(InputError, match="not a text file"):
        LineList.read(binary)
