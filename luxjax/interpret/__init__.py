"""Interpretation of any fitted model, in two packages that can be imported on their own.

`luxjax.interpret.attribution`
    Which pixels, latents or features a prediction comes from: Jacobians, gradients, Shapley values, counterfactuals,
    and checks of saliency.
`luxjax.interpret.representation`
    What the latents represent: gauge, probes, concept erasure, disentanglement, walks and ablations.

Neither says whether a label was measured; for that verdict see `luxjax.evidence`.
"""
