"""What latents represent: gauge, probes, concept erasure and disentanglement."""

from ._ablation import ablate_latents
from ._disentanglement import dci, mig, modularity, sap
from ._erasure import amnesic_probe, eraser
from ._gauge import canonical_gauge, label_subspace_angles, random_rotation, rotate
from ._gauge_score import Draws
from ._latents import correlation_map, star_latents
from ._probes import probe
from ._walks import label_direction, traverse

__all__ = [
    "Draws",
    "ablate_latents",
    "amnesic_probe",
    "canonical_gauge",
    "correlation_map",
    "dci",
    "eraser",
    "label_direction",
    "label_subspace_angles",
    "mig",
    "modularity",
    "probe",
    "random_rotation",
    "rotate",
    "sap",
    "star_latents",
    "traverse",
]
