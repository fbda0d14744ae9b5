"""Small language models: one file per family, `width` its ladder of scale."""
