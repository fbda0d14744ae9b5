"""Training interventions that need no images: one file per method, for every domain of classifiers."""
