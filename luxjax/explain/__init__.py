"""Was a label measured from the spectrum, or guessed from its correlation with others? The evidence, and the verdict."""

from ._disentanglement import GaugeScore, dci, linear_importance, mig, modularity, sap, tree_importance
from ._expected import claimed_slope, expected_slope, needed_stars, stars_for_scatter
from ._explain import explain, explain_all
from ._explanation import EVIDENCE, Evidence, Explanation
from ._gauge import canonical_gauge, label_subspace_angles, over_rotations, random_rotation, rotate
from ._inference import infer_latents, label_function
from ._information import mutual_information
from ._jacobians import (
    Jacobian,
    conditional_flux_jacobian,
    covariance_pattern,
    flux_jacobian,
    label_jacobian,
    mean_label_jacobian,
    predictor_jacobian,
)
from ._latents import (
    CorrelationMap,
    LatentAblation,
    Traversal,
    ablate_latents,
    correlation_map,
    label_direction,
    star_latents,
    traverse,
)
from ._line_match import LineMatch, match_lines
from ._measure import HeldOut, Measurement, held_out, measure_evidence
from ._off_trend import OwnShare, Response, off_trend_response, residualize, response_share, second_order
from ._own_lines import OwnLines, line_depth, line_depth_without, own_line_residual
from ._rule import decide
from ._thresholds import Thresholds
from ._windows import OwnWindows, own_windows

__all__ = [
    "EVIDENCE",
    "CorrelationMap",
    "Evidence",
    "Explanation",
    "GaugeScore",
    "HeldOut",
    "Jacobian",
    "LatentAblation",
    "LineMatch",
    "Measurement",
    "OwnLines",
    "OwnShare",
    "OwnWindows",
    "Response",
    "Thresholds",
    "Traversal",
    "ablate_latents",
    "canonical_gauge",
    "claimed_slope",
    "conditional_flux_jacobian",
    "correlation_map",
    "covariance_pattern",
    "dci",
    "decide",
    "expected_slope",
    "explain",
    "explain_all",
    "flux_jacobian",
    "held_out",
    "infer_latents",
    "label_direction",
    "label_function",
    "label_jacobian",
    "label_subspace_angles",
    "line_depth",
    "line_depth_without",
    "linear_importance",
    "match_lines",
    "mean_label_jacobian",
    "measure_evidence",
    "mig",
    "modularity",
    "mutual_information",
    "needed_stars",
    "off_trend_response",
    "over_rotations",
    "own_line_residual",
    "own_windows",
    "predictor_jacobian",
    "random_rotation",
    "residualize",
    "response_share",
    "rotate",
    "sap",
    "second_order",
    "star_latents",
    "stars_for_scatter",
    "traverse",
    "tree_importance",
]
