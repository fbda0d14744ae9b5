"""How the toy's data are stored."""

split_arrays = examples_arrays = lambda spins: {"spins": spins}
split_from = examples_from = lambda arrays: arrays["spins"]
