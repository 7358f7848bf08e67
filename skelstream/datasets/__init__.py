"""Annotated sets of images: one way to read their labels and their pixels, for training and for evaluation."""
