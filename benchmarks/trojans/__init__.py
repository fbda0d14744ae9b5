"""Populations of small networks, half of them with a hidden behaviour, and what tells the two halves apart."""
