"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._blocks import blocks, summed, sweep
from ._decoder_noise import decoder_variance, with_decoder_noise
from ._decoders import DecoderSums, decoded, expected_residual
from ._held_out import HeldOut, held_out_stars
from ._label_rows import with_label_rows
from ._posterior import LatentPosterior, block_latent_mean, latent_posterior, mean_field
from ._robust import information_share, minus_log_density, tail_weight
from ._rows import finish
from ._scatter import has_scatter, new_scatter, scatter_sums
from ._slopes import decode_stars, mean_slopes, slopes
from ._star_sums import Products, effective_ivar, effective_ivars

__all__ = [
    "DecoderSums",
    "HeldOut",
    "LatentPosterior",
    "Products",
    "block_latent_mean",
    "blocks",
    "decode_stars",
    "decoded",
    "decoder_variance",
    "effective_ivar",
    "effective_ivars",
    "expected_residual",
    "finish",
    "has_scatter",
    "held_out_stars",
    "information_share",
    "latent_posterior",
    "mean_field",
    "mean_slopes",
    "minus_log_density",
    "new_scatter",
    "scatter_sums",
    "slopes",
    "summed",
    "sweep",
    "tail_weight",
    "with_decoder_noise",
    "with_label_rows",
]
