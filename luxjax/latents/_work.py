"""Floating-point operations and bytes of the kernels that fits and inference spend their time in."""

from ..core.internal import n_pairs

__all__ = ["gram_bytes", "gram_flops"]


def gram_flops(n_stars: int, n_pixels: int, n_features: int) -> float:
    """Operations of all weighted Gram matrices sum w x x' and sums w y x of a block, of every star or of every pixel.

    Both are matrix products, of (star, pixel) weights with the F (F + 1) / 2 distinct products of F features and with the
    features themselves: 2 N P [F (F + 1) / 2 + F], a multiplication and an addition each. What weighting, packing and
    solving cost is small, and not counted.

    Parameters
    ----------
    n_stars, n_pixels : int
    n_features : int
        Latents in inference; one more, for the intercept, in a fit. Of other decoders their features.

    Examples
    --------
    >>> from luxjax.latents import gram_flops
    >>> gram_flops(5000, 7514, 21) / 1e9  # of one cycle, in 1e9 operations
    18.93528
    """
    return 2.0 * n_stars * n_pixels * (n_pairs(n_features) + n_features)


def gram_bytes(n_stars: int, n_pixels: int, n_features: int, *, per_pixel: bool, itemsize: int = 4) -> float:
    """Least number of bytes that these products move: values and weights in, products of features in, sums out.

    Parameters
    ----------
    n_stars, n_pixels, n_features : int
    per_pixel : bool
        Whether the sums are those of every pixel (a fit) or of every star (inference).
    itemsize : int
        Bytes of a number.

    Examples
    --------
    >>> from luxjax.latents import gram_bytes
    >>> round(gram_bytes(5000, 7514, 21, per_pixel=True) / 2**20)  # MiB
    299
    """
    rows, others = (n_pixels, n_stars) if per_pixel else (n_stars, n_pixels)
    columns = n_pairs(n_features) + n_features
    return float(itemsize) * (2 * n_stars * n_pixels + (rows + others) * columns)
