"""Demo data: a made-up seller of coffee machines with two years behind it. Every person and company is invented."""

from core.demo.filling import empty, fill
from core.demo.story import SEED

__all__ = ["SEED", "empty", "fill"]
