"""The control domain: agents that learn by reinforcement, and what tempts them."""
