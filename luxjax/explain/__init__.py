"""Was a label measured from the spectrum, or guessed from its correlation with others? The evidence, and the verdict."""

from ._bound import ConditionalBound, conditional_bound
from ._counterfactuals import Counterfactual, Recourse, counterfactual, recourse, smallest_change
from ._disentanglement import Draws, GaugeScore, dci, linear_importance, mig, modularity, sap, tree_importance
from ._doppelgangers import Doppelgangers, doppelgangers
from ._erasure import Amnesic, Eraser, amnesic_probe, eraser
from ._expected import claimed_slope, expected_slope, needed_stars, stars_for_scatter
from ._explain import explain, explain_all
from ._explain_dataset import Explained, explain_dataset, open_explained
from ._explanation import EVIDENCE, Evidence, Explanation
from ._flux_jacobians import conditional_flux_jacobian, covariance_pattern, flux_jacobian
from ._gain import Gain, conditional_gain
from ._gauge import canonical_gauge, label_subspace_angles, over_rotations, random_rotation, rotate
from ._gradients import Attribution, expected_gradients, integrated_gradients
from ._held_out import held_out, measure_evidence
from ._inference import infer_latents, label_function
from ._information import mutual_information
from ._jacobians import Jacobian, label_jacobian, mean_label_jacobian, predictor_jacobian
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
from ._measure import HeldOut, Measurement
from ._off_trend import OwnShare, Response, off_trend_response, residualize, response_share, second_order
from ._own_lines import OwnLines, line_depth, line_depth_without, own_line_residual
from ._probes import Probe, probe, random_projection
from ._rule import decide
from ._saliency_checks import (
    Infidelity,
    Randomization,
    infidelity,
    label_randomization,
    max_sensitivity,
    parameter_randomization,
    randomize,
)
from ._shapley import Shapley, exact_shapley, latent_shapley, linear_shapley, sampled_shapley
from ._shapley_callable import callable_shapley
from ._shapley_classes import LOG_RATIO, FeatureRanks, class_output, rank_features, shapley_classes
from ._shapley_interactions import FamilyInteractions, family_interactions
from ._shapley_windows import ShapleySpread, shapley_spread, window_shapley
from ._supporting import supporting_evidence
from ._thresholds import Thresholds
from ._windows import OwnWindows, own_windows

__all__ = [
    "EVIDENCE",
    "LOG_RATIO",
    "Amnesic",
    "Attribution",
    "ConditionalBound",
    "CorrelationMap",
    "Counterfactual",
    "Doppelgangers",
    "Draws",
    "Eraser",
    "Evidence",
    "Explained",
    "Explanation",
    "FamilyInteractions",
    "FeatureRanks",
    "Gain",
    "GaugeScore",
    "HeldOut",
    "Infidelity",
    "Jacobian",
    "LatentAblation",
    "LineMatch",
    "Measurement",
    "OwnLines",
    "OwnShare",
    "OwnWindows",
    "Probe",
    "Randomization",
    "Recourse",
    "Response",
    "Shapley",
    "ShapleySpread",
    "Thresholds",
    "Traversal",
    "ablate_latents",
    "amnesic_probe",
    "callable_shapley",
    "canonical_gauge",
    "claimed_slope",
    "class_output",
    "conditional_bound",
    "conditional_flux_jacobian",
    "conditional_gain",
    "correlation_map",
    "counterfactual",
    "covariance_pattern",
    "dci",
    "decide",
    "doppelgangers",
    "eraser",
    "exact_shapley",
    "expected_gradients",
    "expected_slope",
    "explain",
    "explain_all",
    "explain_dataset",
    "family_interactions",
    "flux_jacobian",
    "held_out",
    "infer_latents",
    "infidelity",
    "integrated_gradients",
    "label_direction",
    "label_function",
    "label_jacobian",
    "label_randomization",
    "label_subspace_angles",
    "latent_shapley",
    "line_depth",
    "line_depth_without",
    "linear_importance",
    "linear_shapley",
    "match_lines",
    "max_sensitivity",
    "mean_label_jacobian",
    "measure_evidence",
    "mig",
    "modularity",
    "mutual_information",
    "needed_stars",
    "off_trend_response",
    "open_explained",
    "over_rotations",
    "own_line_residual",
    "own_windows",
    "parameter_randomization",
    "predictor_jacobian",
    "probe",
    "random_projection",
    "random_rotation",
    "randomize",
    "rank_features",
    "recourse",
    "residualize",
    "response_share",
    "rotate",
    "sampled_shapley",
    "sap",
    "second_order",
    "shapley_classes",
    "shapley_spread",
    "smallest_change",
    "star_latents",
    "stars_for_scatter",
    "supporting_evidence",
    "traverse",
    "tree_importance",
    "window_shapley",
]
