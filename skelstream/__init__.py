"""Video in, identity-stable, time-stamped skeleton sequences out."""
