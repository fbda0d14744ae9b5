"""Attacks on a classifier's input: one file for each, their shared parts in files that start with an underscore."""

from pipelines.vision.attacks.pgd import projected_gradient, worst_logits

__all__ = ["projected_gradient", "worst_logits"]
