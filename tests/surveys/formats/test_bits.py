import pytest

from luxjax.surveys import flag_names
from luxjax.surveys.formats._bits import ASPCAPFLAG, BAD_PIXELS, EXTRATARG, PARAMFLAG, PIXMASK, STARFLAG


def test_documented_bits():
    assert sum(1 << PIXMASK[name] for name in BAD_PIXELS) == 0x40FF
    assert (ASPCAPFLAG["STAR_BAD"], ASPCAPFLAG["NO_ASPCAP_RESULT"], ASPCAPFLAG["N_M_WARN"]) == (23, 31, 6)
    assert (STARFLAG["PERSIST_HIGH"], STARFLAG["SUSPECT_BROAD_LINES"], STARFLAG["RV_FAIL"]) == (9, 17, 22)
    assert (EXTRATARG["DUPLICATE"], PARAMFLAG["LOGG_CAL_RGB_MS"]) == (4, 27)


@pytest.mark.parametrize("bits", [ASPCAPFLAG, EXTRATARG, PARAMFLAG, PIXMASK, STARFLAG])
def test_no_bit_has_two_names(bits):
    assert len(set(bits.values())) == len(bits)


def test_flag_names():
    assert flag_names(131076, STARFLAG) == ("BRIGHT_NEIGHBOR", "SUSPECT_BROAD_LINES")
    assert flag_names(1 << 41, ASPCAPFLAG) == ("MULTIPLE_SUSPECT",)
    assert flag_names(1 << 5 | 1, STARFLAG) == ("BAD_PIXELS", "bit 5")
    assert flag_names(-(2**63), STARFLAG) == ("bit 63",)
