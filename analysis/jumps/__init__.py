"""Jumps with scale or training step: an abrupt change told from a smooth curve, an artefact of the metric, a mixture
of seeds.
"""
