"""Shapes of a problem: what a factory's parameters mean, which sizes to try, what they explain.

Nothing here imports hypothesis: the smallest shapes are gone through in order. The strategies
(`gradaudit.strategies`) draw from the same roles.
"""
