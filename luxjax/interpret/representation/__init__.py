"""What do latents represent? Gauge, probes, concept erasure and disentanglement."""

from ._disentanglement import Draws, dci, mig, modularity, sap
from ._erasure import amnesic_probe, eraser
from ._gauge import canonical_gauge, label_subspace_angles, random_rotation, rotate
from ._information import mutual_information
from ._latents import ablate_latents, correlation_map, label_direction, star_latents, traverse
from ._probes import probe, random_projection

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
    "mutual_information",
    "probe",
    "random_projection",
    "random_rotation",
    "rotate",
    "sap",
    "star_latents",
    "traverse",
]
