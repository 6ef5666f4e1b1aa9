"""What a plugin reaches the outside with: the real one is in `wasm`, a fake one in `testing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Protocol, Tuple

Header = Tuple[str, str]


class Body(Protocol):
    """A body that is still arriving. Closing it before its end closes the connection."""

    def read(self, max: int) -> bytes:
        """Waits for 1..`max` bytes; empty at the end."""
        ...

    def close(self) -> None:
        """May be called twice."""
        ...


@dataclass
class RawResponse:
    status: int
    # Names in lower case.
    headers: List[Header]
    body: Body


class Host(Protocol):
    def log(self, level: str, message: str) -> None:
        """`level`: `debug`, `info`, `warn` or `error`."""
        ...

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    def sleep(self, milliseconds: int) -> None:
        """Waits, at most 60 000 ms."""
        ...

    def send(
        self,
        method: str,
        url: str,
        headers: List[Header],
        body: Optional[bytes],
        timeout: Optional[int],
    ) -> RawResponse:
        """Waits for the head of the response. Any status is a success here."""
        ...
