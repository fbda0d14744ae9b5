"""Studies whose truth is known, drawn to be judged."""
