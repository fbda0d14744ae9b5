"""Worlds that documents speak of: one file per kind."""
