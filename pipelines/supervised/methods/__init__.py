"""Training interventions that look at no input: one file per method, for every domain of classifiers."""
