"""Attribution of predictions to pixels, latents or features: Jacobians, gradients, Shapley values, counterfactuals."""

from ._counterfactuals import counterfactual
from ._flux_jacobians import conditional_flux_jacobian, covariance_pattern, flux_jacobian
from ._gradients import expected_gradients, integrated_gradients
from ._inference import label_function
from ._jacobians import label_jacobian, mean_label_jacobian, predictor_jacobian
from ._recourse import recourse
from ._saliency_checks import infidelity, label_randomization, max_sensitivity, parameter_randomization
from ._shapley import latent_shapley, linear_shapley
from ._shapley_callable import callable_shapley
from ._shapley_classes import rank_features, shapley_classes
from ._shapley_interactions import family_interactions
from ._shapley_spread import shapley_spread
from ._shapley_windows import window_shapley

__all__ = [
    "callable_shapley",
    "conditional_flux_jacobian",
    "counterfactual",
    "covariance_pattern",
    "expected_gradients",
    "family_interactions",
    "flux_jacobian",
    "infidelity",
    "integrated_gradients",
    "label_function",
    "label_jacobian",
    "label_randomization",
    "latent_shapley",
    "linear_shapley",
    "max_sensitivity",
    "mean_label_jacobian",
    "parameter_randomization",
    "predictor_jacobian",
    "rank_features",
    "recourse",
    "shapley_classes",
    "shapley_spread",
    "window_shapley",
]
