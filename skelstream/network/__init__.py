"""Networks of detection, refinement and 3D lifting, and their weights files.

Names are imported from the modules: `model_file` reads a file's header without loading torch.
"""
