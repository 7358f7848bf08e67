"""Data, augmentation, targets, loss and loop."""
