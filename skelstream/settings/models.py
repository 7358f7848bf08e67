"""Names of the packaged weights that are used by default."""

DETECTOR = "skelstream-movenet"
"""Weights of the detection network."""
REFINER = "skelstream-refiner"
"""Weights of the refinement network."""
LIFTER = "skelstream-lift"
"""Weights of the network that lifts to 3D."""
