"""Can a posterior be believed? Checks of chains and of approximations."""
