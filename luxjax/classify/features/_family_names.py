"""The families of features that are known, and what they are called in print."""

__all__ = ["FAMILIES", "family_words"]

#: What a feature may be made by; `register_family` adds to them.
FAMILIES = {
    "balmer": "Balmer lines",
    "paschen": "Paschen lines",
    "helium": "He I, He II",
    "ca_hk": "Ca II H and K",
    "ca_triplet": "Ca II triplet",
    "calcium": "Ca I",
    "magnesium": "Mg b, Mg I",
    "sodium": "Na I",
    "iron": "Fe I",
    "oxygen": "O I",
    "g_band": "G band (CH)",
    "cn_c2": "CN, C₂",
    "tio": "TiO",
    "cah": "CaH",
    "vo_crh": "VO, CrH",
    "break": "4000 Å break",
    "continuum": "continuum shape",
    "pixels": "pixels",
    "pca": "principal components",
    "latent": "latents",
    "ratios": "ratios of lines",
    "widths": "widths of lines",
    "other": "other",
}


def family_words(family: str) -> str:
    """A family in words; a name that is not known stays."""
    return FAMILIES.get(family, family)
