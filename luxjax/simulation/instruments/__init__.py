"""What other instruments see of simulated stars: photometry, parallaxes and low-resolution spectra behind dust."""
