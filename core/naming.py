"""Names of the API and of the code: `closedAt` and `closed_at`."""

import re


def camel(name: str) -> str:
    """`closed_at` as `closedAt`."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def snake(name: str) -> str:
    """`closedAt` and `closed_at` as `closed_at`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name.strip()).lower()
