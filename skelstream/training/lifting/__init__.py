"""Weights for lifting: motion capture, seen by virtual cameras with the errors of our own networks."""
