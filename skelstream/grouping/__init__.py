"""Grouping: peaks, limb scores and their assembly into people.

Names are imported from the modules: `settings` does not load torch.
"""
