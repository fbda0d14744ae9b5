"""The audit: does a method make models safer beyond what its effect on their capability explains?"""
