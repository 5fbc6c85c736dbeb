"""The physics of simulated spectra: photosphere, opacity, molecules, hydrogen, pixels."""
