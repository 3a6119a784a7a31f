"""Evaluation attacks: one file each, with a function `passes`.

`passes` returns a list of attempts. Each runs on the images that are robust to the attempts before
it and returns one point for each image. The caller checks whether the point is misclassified.
"""
