"""What a report says of itself: by which hash it is cited, and how it and its figures are made again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """The published copy of a session: its folder in reports/published, and the hash of its tables and its plan."""

    name: str
    data_sha256: str

    @property
    def figures(self) -> str:
        """The command that draws its figures again."""
        return f"passline republish --figures DIR {self.name}"


def values(published: Published | None) -> dict[str, str]:
    """What the report's text says of its published copy: all empty where it is of none."""
    return {
        "published": published.name if published else "",
        "data_sha256": published.data_sha256 if published else "",
        "figures_command": published.figures if published else "",
    }
