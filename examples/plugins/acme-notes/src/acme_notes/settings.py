"""What can be set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What stands in settings.toml under [plugins.notes]."""

    most_per_contact: int = 100
    labels: tuple[str, ...] = ("call", "visit")
    pinned_days: int = 90
