"""What a model's outputs can be at most and at least, over all images of a box."""
