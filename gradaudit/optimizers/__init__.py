"""Solvers: what they were given, what they did with it, and why they stopped."""
