"""Tests of the house; `python -m tests` runs them on both databases."""
