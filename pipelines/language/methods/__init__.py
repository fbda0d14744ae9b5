"""Training interventions on language models: one file per method."""
