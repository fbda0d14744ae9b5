"""Architectures from timm, fitted to small images: one file per family, `width` its ladder of scale."""
