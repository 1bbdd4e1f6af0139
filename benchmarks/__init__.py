"""What the server can do, in figures; `python -m benchmarks` runs them."""
