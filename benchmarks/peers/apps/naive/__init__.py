"""A server as an ordinary careful developer writes it at first, on our tables."""
