"""Writers of small survey files in the true layouts, from arrays: what the survey's own files look like inside."""

import gzip
import shutil
from pathlib import Path

import numpy as np
from astropy.io import fits

N_APOGEE = 8575
APOGEE_WAVELENGTH = 10.0 ** (4.179 + 6e-6 * np.arange(N_APOGEE))
DETECTORS = ((246, 3274), (3585, 6080), (6344, 8335))


def apogee_gaps() -> np.ndarray:
    """Pixels of the combined grid that fall on no detector."""
    gap = np.ones(N_APOGEE, bool)
    for start, stop in DETECTORS:
        gap[start:stop] = False
    return gap


def _log_axis(header: fits.Header) -> None:
    header.update(CRVAL1=4.179, CDELT1=6e-6, CRPIX1=1, CTYPE1="LOG-LINEAR")
    header["DC-FLAG"] = 1


def _apogee_image(data) -> fits.ImageHDU:
    hdu = fits.ImageHDU(data)
    _log_axis(hdu.header)
    return hdu


def write_aspcapstar(path, flux, error, *, star="2M00000000+0000000", model=None, **facts) -> Path:
    """aspcapStar: gaps have flux 0 and error 0, other bad pixels (error not finite) flux 0 and error 10."""
    flux, error = np.array(flux, np.float32), np.array(error, np.float32)
    bad = ~np.isfinite(error)
    flux[bad], error[bad] = 0, 10
    gap = apogee_gaps()
    flux[gap], error[gap] = 0, 0
    model = flux if model is None else np.where(gap, 0, np.asarray(model, np.float32))
    primary = fits.PrimaryHDU()
    facts = {"SNR": 100.0, "VHELIO": 12.5, "LOCID": 4476, "FIELD": "120-45", "NVISITS": 3} | facts
    primary.header.update(OBJ=star, RA=1.5, DEC=-2.5, H=11.0, **facts)
    row = fits.BinTableHDU.from_columns(
        [
            fits.Column("APOGEE_ID", "18A", array=[star]),
            fits.Column("STARFLAG", "J", array=[1 << 11]),
            fits.Column("ASPCAPFLAG", "J", array=[1 << 23]),
            fits.Column("PARAM", "9E", array=[[-9999.0] * 9]),
        ]
    )
    hdus = [primary, *(_apogee_image(a.astype(np.float32)) for a in (flux, error, model)), row]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return Path(path)


def write_apstar(path, flux, error, mask, *, star="2M00000000+0000000", snr=50.0) -> Path:
    """apStar: one visit as 1-D arrays, several as (visits + 2, pixels) with two combinations first."""
    flux, error, mask = np.atleast_2d(flux), np.atleast_2d(error), np.atleast_2d(mask)
    n = len(flux)
    weight = 1 / error**2
    both = (flux * weight).sum(0) / weight.sum(0)
    if n == 1:
        flux, error, mask = flux[0], error[0], mask[0]
    else:
        sigma = weight.sum(0) ** -0.5
        flux, error = np.vstack([both, flux.mean(0), flux]), np.vstack([sigma, sigma, error])
        combined = [np.bitwise_or.reduce(mask), np.bitwise_and.reduce(mask)]
        mask = np.vstack([*combined, mask])
    gap = np.broadcast_to(apogee_gaps(), flux.shape)
    flux, error = np.where(gap, 0, flux).astype("f4"), np.where(gap, 1e10, error).astype("f4")
    primary = fits.PrimaryHDU()
    primary.header.update(
        OBJID=star, TELESCOP="apo25m", FIELD="N7789", LOCID=4264, NVISITS=n, SNR=snr, VHELIO=-55.0
    )
    primary.header.update(RA=0.02, DEC=56.2, STARFLAG=1028, ANDFLAG=4, H=99.9)
    for k in range(1, n + 1):
        primary.header[f"SFILE{k}"] = f"apVisit-r6-5094-5587{k}-088.fits"
        primary.header[f"SNRVIS{k}"], primary.header[f"VHELIO{k}"] = 40.0 + k, -55.0 + k
        primary.header[f"BC{k}"], primary.header[f"FLAG{k}"] = -5.0 * k, 1 << k
    images = [_apogee_image(a) for a in (flux, error, mask.astype(np.int16), flux, error, flux, error)]
    fits.HDUList([primary, *images, fits.ImageHDU(np.zeros(26))]).writeto(path, overwrite=True)
    return Path(path)


def write_apvisit(
    path, flux, error, mask, wavelength, *, star="2M00000000+0000000", rv=10.0, starflag=0
) -> Path:
    """apVisit: arrays of three detectors by increasing wavelength, stored red first and from red to blue."""

    def stored(a):
        return np.asarray(a).reshape(3, -1)[::-1, ::-1]

    primary = fits.PrimaryHDU()
    primary.header.update(OBJID=star, TELESCOP="apo25m", PLATE="5094", MJD5=55874, FIBERID=88, SNR=76.0)
    primary.header.update(BC=-5.4, VHELIO=rv, STARFLAG=starflag, RA=0.02, DEC=56.2)
    data = [
        stored(flux).astype("f4"),
        stored(error).astype("f4"),
        stored(mask).astype("i2"),
        stored(wavelength),
    ]
    fits.HDUList([primary, *map(fits.ImageHDU, data)]).writeto(path, overwrite=True)
    return Path(path)


def write_mwmstar(path, flux, ivar, flags, *, sdss_id=114519105, hdu="APOGEE/APO") -> Path:
    """mwmStar: one table per instrument and telescope, those without data empty."""
    primary = fits.PrimaryHDU()
    primary.header.update(SDSS_ID=sdss_id, RA=10.0, DEC=20.0)
    hdus = [primary]
    for name in ("BOSS/APO", "BOSS/LCO", "APOGEE/APO", "APOGEE/LCO"):
        n = int(name == hdu)
        pixels = N_APOGEE if name.startswith("APOGEE") else 4648
        columns = [
            fits.Column("snr", "E", array=np.full(n, 88.0)),
            fits.Column("flux", f"{pixels}E", array=np.resize(flux, (n, pixels))),
            fits.Column("ivar", f"{pixels}E", array=np.resize(ivar, (n, pixels))),
            fits.Column("pixel_flags", f"{pixels}K", array=np.resize(flags, (n, pixels))),
        ]
        hdus.append(fits.BinTableHDU.from_columns(columns, name=name, nrows=n))
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return Path(path)


GALAH_ARMS = {1: (4713.7, 0.046), 2: (5648.7, 0.0547), 3: (6477.5, 0.0632), 4: (7585.5, 0.0736)}


def write_galah(
    folder,
    sobject_id,
    flux,
    relative,
    *,
    hdus=8,
    velocity=0.0,
    n_pixels=4096,
    ccds=(1, 2, 3, 4),
    cut=0,
    crpix=1.0,
):
    """GALAH CCD files of one star.

    `flux` and `relative` are functions of wavelength; `velocity` (km/s) is the star's in the file's barycentric frame,
    and `cut` the number of pixels by which the normalised flux of CCD 4 in 5-HDU files starts late.
    """
    paths = []
    for ccd in ccds:
        start, step = GALAH_ARMS[ccd]
        wave = start + step * np.arange(n_pixels)
        axis = {
            "CRVAL1": start + step * (max(crpix, 1) - 1),
            "CDELT1": step,
            "CD1_1": step,
            "CRPIX1": crpix,
            "CUNIT1": "Angstroms",
        }
        norm, rel = flux(wave), relative(wave)
        counts, names = 1000.0 * norm, []
        if hdus == 8:
            data = [counts, norm, rel, norm, norm, norm, norm, norm]
            names = [
                "normalized",
                "relative_error",
                "sky",
                "teluric",
                "scattered",
                "cross_talk",
                "resolution_profile",
            ]
        else:
            shift = 1.0 / (1.0 + velocity / 299792.458)
            drop = cut if ccd == 4 else 0
            data = [counts, rel, counts, rel, norm[drop:]]
            names = ["input_sigma", "no_sky_subspectrum", "no_sky_sigma", ""]
        list_ = fits.HDUList([fits.PrimaryHDU(data[0].astype("f4"))])
        for values, name in zip(data[1:], names, strict=True):
            list_.append(fits.ImageHDU(values, name=name or None))
        for hdu in list_:
            hdu.header.update(axis)
        if hdus == 5:
            last = list_[4].header
            last.update(CRVAL1=(start + step * (drop + max(crpix, 1) - 1)) * shift, CDELT1=step * shift)
            del last["CD1_1"]
        list_[0].header.update(
            RVCOM=velocity if hdus == 8 else "None", BARYEFF="None", GALAH_ID="None", UTMJD=59229.5
        )
        list_[0].header["2MASS_ID"] = "05505952+0759226"
        path = Path(folder) / f"{sobject_id}{ccd}.fits"
        list_.writeto(path, overwrite=True)
        paths.append(path)
    return paths


def write_galah_fit(path, wave, flux, error, model, used) -> Path:
    names = {"wave": wave, "sob": flux, "uob": error, "smod": model}
    columns = [fits.Column(n, "D", array=a) for n, a in names.items()] + [fits.Column("mob", "L", array=used)]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path, overwrite=True)
    return Path(path)


def write_lamost(path, flux, ivar, *, third="wavelength", ormask=None, gz=False, **header) -> Path:
    """LAMOST low-resolution image; the third row is a rounded wavelength or, as in DR1, the sub-continuum."""
    n = len(flux)
    wave = 10.0 ** (3.5682 + 1e-4 * np.arange(n))
    row = wave.astype(np.float32) if third == "wavelength" else np.ones(n)
    ormask = np.zeros(n) if ormask is None else ormask
    primary = fits.PrimaryHDU(np.vstack([flux, ivar, row, np.zeros(n), ormask]).astype("f4"))
    facts = {"TELESCOP": "LAMOST", "COEFF0": 3.5682, "COEFF1": 1e-4, "VACUUM": True, "HELIO": True}
    facts |= {
        "DESIG": "LAMOST J030059.53-013313.7",
        "PLANID": "F5907",
        "LMJD": 55859,
        "SPID": 5,
        "FIBERID": "123",
    }
    facts |= {"CLASS": "STAR", "SUBCLASS": "G3", "Z": 0.0003, "Z_ERR": 1e-5, "OBSID": 205123}
    for key, value in (facts | header).items():
        if value is not None:
            primary.header[key] = value
    primary.writeto(path, overwrite=True)
    return _gz(path) if gz else Path(path)


SDSS_START = 3.5794  # COEFF0 of the header, as in files of SDSS: not the first pixel of the table


def write_sdss(
    path,
    flux,
    ivar,
    *,
    cut=18,
    mask=None,
    about="SPECOBJ",
    exposures=0,
    gz=False,
    coadd="COADD",
    header=None,
    **row,
) -> Path:
    """spec-PLATE-MJD-FIBER: coadded table that begins `cut` pixels after COEFF0, one-row table, and for full files one more a exposure."""
    n = len(flux)
    log_lam = (SDSS_START + 1e-4 * (cut + np.arange(n))).astype("f4")
    primary = fits.PrimaryHDU()
    # RA and DEC are those of the plate's centre.
    facts = {
        "TELESCOP": "SDSS 2.5-M",
        "COEFF0": SDSS_START,
        "COEFF1": 1e-4,
        "VACUUM": True,
        "RA": 1.0,
        "DEC": 2.0,
    }
    facts |= {"PLATEID": 618, "MJD": 52049, "FIBERID": 372, "PLUG_RA": 236.97794, "PLUG_DEC": 52.815963}
    for key, value in (facts | (header or {})).items():
        if value is not None:
            primary.header[key] = value
    arrays = {"flux": flux, "loglam": log_lam, "ivar": ivar}
    columns = [fits.Column(name, "E", array=values) for name, values in arrays.items()]
    columns.append(fits.Column("and_mask", "J", array=np.zeros(n, int) if mask is None else mask))
    facts = {
        "CLASS": ("6A", "STAR  "),
        "SUBCLASS": ("21A", "F3/F5V (30743)"),
        "Z": ("E", 1e-4),
        "Z_ERR": ("E", 1e-5),
        "ZWARNING": ("J", 0),
    }
    facts |= {
        "SN_MEDIAN_ALL": ("E", 50.0),
        "SN_MEDIAN": ("5E", [1.0, 2.0, 3.0, 4.0, 5.0]),
        "SPECOBJID": ("22A", "    695908431386667008"),
    }
    facts |= {
        "PLUG_RA": ("D", 236.97794),
        "PLUG_DEC": ("D", 52.815963),
        "ELODIE_TEFF": ("E", 3717.0),
        "RUN2D": ("3A", "26"),
    }
    known = {name: (form, row.get(name, value)) for name, (form, value) in facts.items()}
    of_object = [
        fits.Column(name, form, array=[value]) for name, (form, value) in known.items() if value is not None
    ]
    hdus = [
        primary,
        fits.BinTableHDU.from_columns(columns, name=coadd),
        fits.BinTableHDU.from_columns(of_object, name=about),
    ]
    hdus += [fits.BinTableHDU.from_columns(columns, name=f"B1-{k:08d}") for k in range(exposures)]
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return _gz(path) if gz else Path(path)


def _gz(path) -> Path:
    zipped = Path(f"{path}.gz")
    with open(path, "rb") as raw, gzip.open(zipped, "wb") as out:
        shutil.copyfileobj(raw, out)
    Path(path).unlink()
    return zipped


def write_table(path, columns, *, extname="", gz=False, after_empty=False) -> Path:
    """A FITS table from ``{name: (TFORM, array)}``; `after_empty` puts an empty table before it."""
    made = [fits.Column(name, form, array=array) for name, (form, array) in columns.items()]
    table = fits.BinTableHDU.from_columns(made, name=extname)
    empty = [fits.BinTableHDU.from_columns(made, nrows=0, name="EMPTY")] if after_empty else []
    for hdu in empty:
        hdu.data = hdu.data[:0]
    fits.HDUList([fits.PrimaryHDU(), *empty, table]).writeto(path, overwrite=True)
    return _gz(path) if gz else Path(path)


def write_allstar(path, ids, teff, logg, fe_h, abundances=None, *, error=0.05, gz=False, **more) -> Path:
    """An allStar catalogue of APOGEE DR17; abundances by DR17 column stem, ``{"MG_FE": array}``; more columns too."""
    n = len(ids)
    columns = {
        "FILE": ("64A", [f"aspcapStar-dr17-{i}.fits" for i in ids]),
        "APOGEE_ID": ("30A", [f"{i}".ljust(30) for i in ids]),
        "TELESCOPE": ("6A", ["apo25m"] * n),
        "FIELD": ("20A", ["120-45"] * n),
        "K": ("E", np.full(n, 9.5)),
        "SNR": ("E", np.full(n, 99.0)),
        "STARFLAG": ("K", np.zeros(n, np.int64)),
        "ASPCAPFLAG": ("K", np.full(n, 1 << 40, np.int64)),
        "EXTRATARG": ("J", np.zeros(n, np.int32)),
        "GAIAEDR3_SOURCE_ID": ("K", 2**53 + 1 + np.arange(n)),
        "FPARAM": ("9E", np.arange(9 * n).reshape(n, 9)),
        "TEFF": ("E", teff),
        "TEFF_ERR": ("E", np.full(n, 100 * error)),
        "LOGG": ("E", logg),
        "LOGG_ERR": ("E", np.full(n, error)),
        "M_H": ("E", fe_h),
        "M_H_ERR": ("E", np.full(n, error)),
        "ALPHA_M": ("E", np.zeros(n)),
        "ALPHA_M_ERR": ("E", np.full(n, error)),
    }
    for stem, values in ({"FE_H": fe_h, "MG_FE": np.zeros(n)} | (abundances or {})).items():
        columns[stem] = ("E", values)
        columns[f"{stem}_ERR"] = ("E", np.full(n, error))
        columns[f"{stem}_FLAG"] = ("J", np.zeros(n, np.int32))
    return write_table(path, columns | more, gz=gz)


def write_galah_dr3(path, ids, teff, logg, fe_h, alpha_fe, abundances=None, *, error=0.05, **more) -> Path:
    """A main catalogue of GALAH DR3; abundances by element symbol, ``{"Eu": array}``; NaN for missing."""
    n = len(ids)
    columns = {
        "star_id": ("16A", ["08513012+1143498"] * n),
        "sobject_id": ("K", np.asarray(ids, np.int64)),
        "dr3_source_id": ("K", 604910310730772992 + np.arange(n)),
        "flag_sp": ("K", np.zeros(n, np.int64)),
        "snr_c3_iraf": ("E", np.full(n, 99.0)),
        "teff": ("E", teff),
        "e_teff": ("D", np.full(n, 80.0)),
        "logg": ("E", logg),
        "e_logg": ("D", np.full(n, 0.2)),
    }
    stems = {"fe_h": fe_h, "alpha_fe": alpha_fe} | {f"{e}_fe": a for e, a in (abundances or {}).items()}
    for stem, values in stems.items():
        values = np.asarray(values, float)
        columns[stem] = ("D", values)
        columns[f"e_{stem}"] = ("D", np.where(np.isfinite(values), error, np.nan))
        columns[f"flag_{stem}"] = ("K", np.where(np.isfinite(values), 0, 32))
    return write_table(path, columns | more)


def write_lamost_table(path, flux, ivar, *, gz=False, **header) -> Path:
    """LAMOST low resolution as a table of one row of vectors (DR8 and later)."""
    n = len(flux)
    primary = fits.PrimaryHDU()
    facts = {"TELESCOP": "LAMOST", "VACUUM": True, "HELIO": True, "DESIG": "LAMOST J030059.53-013313.7"}
    facts |= {"RA": 45.2, "DEC": -1.55, "PLANID": "F5907", "LMJD": 55859, "SPID": 5, "FIBERID": 123}
    facts |= {"CLASS": "STAR", "SUBCLASS": "G3", "Z": 0.0003, "Z_ERR": 1e-5, "SNRG": 40.0}
    for key, value in (facts | header).items():
        if value is not None:
            primary.header[key] = value
    values = {"FLUX": flux, "IVAR": ivar, "WAVELENGTH": 10 ** (3.5682 + 1e-4 * np.arange(n))}
    columns = [fits.Column(k, f"{n}E", array=np.asarray(v, np.float32)[None]) for k, v in values.items()]
    columns += [
        fits.Column(k, f"{n}E", array=np.zeros((1, n))) for k in ("ANDMASK", "ORMASK", "NORMALIZATION")
    ]
    table = fits.BinTableHDU.from_columns(columns, name="COADD")
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return _gz(path) if gz else Path(path)


def write_lamost_mrs(path, flux, *, arms=("B", "R"), n=50, **header) -> Path:
    """LAMOST medium resolution: one row per pixel, log wavelengths in single precision, an exposure beside the coadds."""
    primary = fits.PrimaryHDU()
    facts = {
        "TELESCOP": "LAMOST",
        "VACUUM": True,
        "HELIO": True,
        "PLANID": "TD1",
        "LMJD": 58408,
        "SPID": 1,
        "FIBERID": 15,
    }
    primary.header.update(facts | header)
    hdus = [primary]
    for name in (*(f"COADD_{a}" for a in arms), "B-84107311"):
        start = 3.80 if name.endswith("R") else 3.69
        values = {"FLUX": np.full(n, flux), "IVAR": np.ones(n), "LOGLAM": start + 1e-5 * np.arange(n)}
        columns = [fits.Column(k, "E", array=v) for k, v in values.items()]
        hdus.append(fits.BinTableHDU.from_columns(columns, name=name))
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return Path(path)


def write_samples(folder: Path) -> dict[str, list[Path]]:
    """The files of one star in every known layout, by the name of the layout: what a new format has to bring."""
    n, grid, visit = N_APOGEE, APOGEE_WAVELENGTH, np.linspace(15150.0, 16950.0, 3 * 1000)
    one, none = np.ones(n), np.zeros(n, np.int16)
    wave = np.linspace(4713.0, 7890.0, 500)

    def flat(wavelength):
        return np.full(len(wavelength), 0.9)

    return {
        "aspcapStar": [write_aspcapstar(folder / "aspcapStar.fits", 0.9 * one, 0.01 * one)],
        "apStar": [write_apstar(folder / "apStar.fits", [grid / 100] * 2, [one] * 2, [none] * 2)],
        "apVisit": [
            write_apvisit(folder / "apVisit.fits", visit / 100, visit * 0 + 1, (visit * 0).astype(int), visit)
        ],
        "mwmStar": [write_mwmstar(folder / "mwmStar.fits", 0.9 * one, one, none.astype(np.int64))],
        "galah-ccd": write_galah(folder, "150101001601001", flat, lambda w: 0 * w + 0.01),
        "galah-fit": [
            write_galah_fit(
                folder / "150101001601002_allspec.fits",
                wave,
                flat(wave),
                wave * 0 + 0.01,
                flat(wave),
                wave > 5000,
            )
        ],
        "lamost-lrs": [write_lamost(folder / "spec.fits", 50.0 * one[:400], one[:400])],
        "lamost-mrs": [write_lamost_mrs(folder / "med.fits", 50.0)],
        "lamost-table": [write_lamost_table(folder / "table.fits", 50.0 * one[:400], one[:400])],
        "sdss-spec": [write_sdss(folder / "spec-0618-52049-0372.fits", 50.0 * one[:400], one[:400])],
    }
