"""Where levels come from: one file per data set."""
