"""Engines, which extract the clips of a batch on this machine, with Ray or with Slurm."""
