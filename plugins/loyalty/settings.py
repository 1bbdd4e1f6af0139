"""What settings.toml says in [plugins.loyalty]."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """expiring_days: how many days before points expire a member is told. hold_minutes: how long points are set aside at most."""

    expiring_days: int = 30
    hold_minutes: int = 7 * 24 * 60
