"""TODO simulation.physics."""
