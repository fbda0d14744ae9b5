"""Worlds that levels are played in: one file per environment."""
