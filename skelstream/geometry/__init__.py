"""Places in images: letterboxes, crops, regions, and the similarity of boxes and poses."""
