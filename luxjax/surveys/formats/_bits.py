"""Bit masks of the surveys as data: name to bit number, as the surveys document them.

APOGEE: the SDSS DR17 bitmask pages (Abdurro'uf et al. 2022; Holtzman et al. 2018; Jonsson et al. 2020). SDSS optical: SPPIXMASK and ZWARNING of the same pages.
"""

from collections.abc import Mapping

import numpy as np

__all__ = [
    "ASPCAPFLAG",
    "BAD_PIXELS",
    "EXTRATARG",
    "PARAMFLAG",
    "PIXMASK",
    "SPPIXMASK",
    "STARFLAG",
    "ZWARNING",
    "flag_names",
]

PIXMASK = {
    "BADPIX": 0,
    "CRPIX": 1,
    "SATPIX": 2,
    "UNFIXABLE": 3,
    "BADDARK": 4,
    "BADFLAT": 5,
    "BADERR": 6,
    "NOSKY": 7,
    "LITTROW_GHOST": 8,
    "PERSIST_HIGH": 9,
    "PERSIST_MED": 10,
    "PERSIST_LOW": 11,
    "SIG_SKYLINE": 12,
    "SIG_TELLURIC": 13,
    "NOT_ENOUGH_PSF": 14,
    "FERRE_MASK": 16,
}

BAD_PIXELS = (
    "BADPIX",
    "CRPIX",
    "SATPIX",
    "UNFIXABLE",
    "BADDARK",
    "BADFLAT",
    "BADERR",
    "NOSKY",
    "NOT_ENOUGH_PSF",
)
"""Pixel flags whose pixels the APOGEE pipeline treats as bad (0x40FF); sky, telluric, persistence are cautions."""

STARFLAG = {
    "BAD_PIXELS": 0,
    "COMMISSIONING": 1,
    "BRIGHT_NEIGHBOR": 2,
    "VERY_BRIGHT_NEIGHBOR": 3,
    "LOW_SNR": 4,
    "PERSIST_HIGH": 9,
    "PERSIST_MED": 10,
    "PERSIST_LOW": 11,
    "PERSIST_JUMP_POS": 12,
    "PERSIST_JUMP_NEG": 13,
    "SUSPECT_RV_COMBINATION": 16,
    "SUSPECT_BROAD_LINES": 17,
    "BAD_RV_COMBINATION": 18,
    "RV_REJECT": 19,
    "RV_SUSPECT": 20,
    "MULTIPLE_SUSPECT": 21,
    "RV_FAIL": 22,
    "SUSPECT_ROTATION": 23,
    "MTPFLUX_LT_75": 24,
    "MTPFLUX_LT_50": 25,
}

_ASPCAP = (
    "TEFF",
    "LOGG",
    "VMICRO",
    "M_H",
    "ALPHA_M",
    "C_M",
    "N_M",
    "STAR",
    "CHI2",
    "COLORTE",
    "ROTATION",
    "SN",
    "SPEC_HOLE",
    "ATMOS_HOLE",
    "VSINI",
)
ASPCAPFLAG = (
    {f"{name}_WARN": bit for bit, name in enumerate(_ASPCAP)}
    | {f"{name}_BAD": bit + 16 for bit, name in enumerate(_ASPCAP)}
    | {
        "NO_ASPCAP_RESULT": 31,
        "MISSING_APSTAR": 32,
        "NO_GRID": 33,
        "BAD_FRAC_LOWSNR": 34,
        "BAD_FRAC_BADPIX": 35,
        "FERRE_FAIL": 36,
        "PROBLEM_TARGET": 40,
        "MULTIPLE_SUSPECT": 41,
    }
)

PARAMFLAG = {
    "GRIDEDGE_BAD": 0,
    "CALRANGE_BAD": 1,
    "OTHER_BAD": 2,
    "FERRE_FAIL": 3,
    "PARAM_MISMATCH_BAD": 4,
    "FERRE_ERR_USED": 5,
    "TEFF_CUT": 6,
    "GRIDEDGE_WARN": 8,
    "CALRANGE_WARN": 9,
    "OTHER_WARN": 10,
    "FERRE_WARN": 11,
    "PARAM_MISMATCH_WARN": 12,
    "OPTICAL_WARN": 13,
    "ERR_WARN": 14,
    "FAINT_WARN": 15,
    "PARAM_FIXED": 16,
    "RV_WARN": 17,
    "SPEC_RC": 24,
    "SPEC_RGB": 25,
    "LOGG_CAL_MS": 26,
    "LOGG_CAL_RGB_MS": 27,
}
"""Bits of PARAMFLAG, ELEMFLAG and the X_FE_FLAG columns."""

EXTRATARG = {"NOT_MAIN": 0, "COMMISSIONING": 1, "TELLURIC": 2, "APO1M": 3, "DUPLICATE": 4}

SPPIXMASK = {
    "NOPLUG": 0,
    "BADTRACE": 1,
    "BADFLAT": 2,
    "BADARC": 3,
    "MANYBADCOLUMNS": 4,
    "MANYREJECTED": 5,
    "LARGESHIFT": 6,
    "BADSKYFIBER": 7,
    "NEARWHOPPER": 8,
    "WHOPPER": 9,
    "SMEARIMAGE": 10,
    "SMEARHIGHSN": 11,
    "SMEARMEDSN": 12,
    "NEARBADPIXEL": 16,
    "LOWFLAT": 17,
    "FULLREJECT": 18,
    "PARTIALREJECT": 19,
    "SCATTEREDLIGHT": 20,
    "CROSSTALK": 21,
    "NOSKY": 22,
    "BRIGHTSKY": 23,
    "NODATA": 24,
    "COMBINEREJ": 25,
    "BADFLUXFACTOR": 26,
    "BADSKYCHI": 27,
    "REDMONSTER": 28,
}
"""Pixels of optical spectra: the first thirteen are of whole fibres."""

ZWARNING = {
    "SKY": 0,
    "LITTLE_COVERAGE": 1,
    "SMALL_DELTA_CHI2": 2,
    "NEGATIVE_MODEL": 3,
    "MANY_OUTLIERS": 4,
    "Z_FITLIMIT": 5,
    "NEGATIVE_EMISSION": 6,
    "UNPLUGGED": 7,
    "BAD_TARGET": 8,
    "NODATA": 9,
}


def flag_names(value: int, bits: Mapping[str, int]) -> tuple[str, ...]:
    """Names of the bits set in one mask; bits without a name appear as ``bit N``.

    Examples
    --------
    >>> from luxjax.surveys import flag_names
    >>> flag_names(5, {"BADPIX": 0, "CRPIX": 1})
    ('BADPIX', 'bit 2')
    """
    number = int(value) & int(np.iinfo(np.uint64).max)
    names = {bit: name for name, bit in bits.items()}
    return tuple(names.get(bit, f"bit {bit}") for bit in range(64) if number >> bit & 1)
