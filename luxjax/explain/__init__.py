"""Was a label measured from the spectrum, or guessed from its correlation with others? The evidence, and the verdict."""

from ._off_trend import OwnShare, Response, off_trend_response, residualize, response_share, second_order

__all__ = [
    "OwnShare",
    "Response",
    "off_trend_response",
    "residualize",
    "response_share",
    "second_order",
]
