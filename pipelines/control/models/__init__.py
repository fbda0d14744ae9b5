"""Networks of agents: one file per family."""
