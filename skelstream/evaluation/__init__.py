"""COCO keypoints, PCK and tracking metrics."""
