"""What a language model is asked: one file per condition."""
