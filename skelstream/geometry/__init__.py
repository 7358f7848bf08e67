"""Image geometry: letterboxes, crops, regions, and the similarity of boxes and poses.

Names are imported from the modules: `crops` and `letterbox` load OpenCV, which reading of files does not
need.
"""
