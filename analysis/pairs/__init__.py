"""Models measured elsewhere that come in pairs: what a method makes of its baseline, held against other baselines."""
