"""What all tests share."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # how long an example takes is the machine's, and its load's
settings.load_profile("any machine")
