"""Training interventions: one file per method."""
