"""A certificate's own verifier: NumPy and the standard library alone, nothing of diffprog. A copy of it is in every
certificate.
"""
