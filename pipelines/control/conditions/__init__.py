"""What a trained agent is put through: one file per condition."""
