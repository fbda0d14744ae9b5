"""What a trained model is put through: one file per condition."""
