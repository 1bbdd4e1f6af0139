"""Payvand beside its peers, on one database: `python -m benchmarks.peers`, told in docs/benchmarks.md."""
