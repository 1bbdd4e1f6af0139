"""What can be set."""

import re
from dataclasses import dataclass

WEEK = ("sat", "sun", "mon", "tue", "wed", "thu", "fri")


@dataclass(frozen=True)
class Settings:
    """What stands in settings.toml under [plugins.reminders].

    look_back: days; what came due longer ago is not told any more, as when the plugin is new here, or the server was off.
    digest_at, digest_days: when each user gets its digest, on the clock of the company; no digest on no day.
    """

    look_back: int = 7
    digest_at: str = "08:00"
    digest_days: tuple[str, ...] = WEEK

    def __post_init__(self) -> None:
        if not 1 <= self.look_back <= 365:
            raise ValueError("look_back is 1 to 365 days")
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.digest_at):
            raise ValueError(f"digest_at is a time like 08:00, not '{self.digest_at}'")
        if strange := [one for one in self.digest_days if one not in WEEK]:
            raise ValueError(f"digest_days: '{strange[0]}' is none of {', '.join(WEEK)}")

    @property
    def digest_cron(self) -> str:
        """When the digest comes, as a cron expression."""
        hour, _, minute = self.digest_at.partition(":")
        return f"{int(minute)} {int(hour)} * * {','.join(self.digest_days)}"
