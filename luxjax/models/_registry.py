"""The kinds of decoders that saved models know, by name. A new one is its own file and one line here."""

from ._decoders import AbstractStoredDecoder, Linear, Quadratic
from ._gaussian_process import GaussianProcess
from ._mlp import MLP

__all__ = ["DECODERS"]

DECODERS: dict[str, type[AbstractStoredDecoder]] = {
    "linear": Linear,
    "quadratic": Quadratic,
    "mlp": MLP,
    "gp": GaussianProcess,
}
