"""Interpretation of any fitted model: attributions of predictions, and what latents represent."""
