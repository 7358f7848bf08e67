"""Drawing of skeletons on frames, contact sheets and movies.

Names are imported from the modules: most of them load OpenCV.
"""
