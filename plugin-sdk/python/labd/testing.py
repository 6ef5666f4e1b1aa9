"""A host for tests: it answers from a script and remembers what it was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Union

from .errors import PluginError
from .host import Header, RawResponse

Piece = Union[str, bytes, PluginError]
"""What one read gives, or how it fails."""


@dataclass
class Sent:
    """A request that was sent."""

    method: str
    url: str
    headers: List[Header]
    body: Optional[bytes]
    timeout: Optional[int]

    def json(self) -> Any:
        return json.loads(self.body or b"")


class FakeBody:
    def __init__(self, pieces: List[Piece]) -> None:
        encoded = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
        self._pieces = [piece for piece in encoded if piece]
        self.closed = False

    def read(self, max: int) -> bytes:
        if self.closed:
            raise AssertionError("the body is closed")
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if isinstance(piece, PluginError):
            raise piece
        if len(piece) > max:
            self._pieces.insert(0, piece[max:])
        return piece[:max]

    def close(self) -> None:
        self.closed = True


class FakeHost:
    def __init__(self) -> None:
        self.requests: List[Sent] = []
        self.bodies: List[FakeBody] = []
        self.lines: List[str] = []
        # 2024-01-01T00:00:00Z
        self.time = 1_704_067_200_000
        self._script: List[Union[PluginError, RawResponse]] = []

    def respond(
        self, status: int, pieces: List[Piece], headers: Optional[Dict[str, str]] = None
    ) -> FakeHost:
        """The answer to the next request; each piece is what one read gives."""
        body = FakeBody(pieces)
        self.bodies.append(body)
        self._script.append(RawResponse(status, list((headers or {}).items()), body))
        return self

    def respond_json(
        self, status: int, value: Any, headers: Optional[Dict[str, str]] = None
    ) -> FakeHost:
        return self.respond(status, [json.dumps(value)], headers)

    def fail(self, error: PluginError) -> FakeHost:
        """The next request fails."""
        self._script.append(error)
        return self

    def log(self, level: str, message: str) -> None:
        self.lines.append(f"{level} {message}")

    def now(self) -> int:
        return self.time

    def sleep(self, milliseconds: int) -> None:
        self.time += milliseconds

    def send(
        self,
        method: str,
        url: str,
        headers: List[Header],
        body: Optional[bytes],
        timeout: Optional[int],
    ) -> RawResponse:
        self.requests.append(Sent(method, url, headers, body, timeout))
        if not self._script:
            raise AssertionError(f"no answer is scripted for {method} {url}")
        answer = self._script.pop(0)
        if isinstance(answer, PluginError):
            raise answer
        return answer


def every_split(text: str) -> Iterator[List[bytes]]:
    """The bytes of a text in two pieces, for each place to cut them, and in single bytes."""
    data = text.encode()
    for at in range(len(data) + 1):
        yield [data[:at], data[at:]]
    yield [data[at : at + 1] for at in range(len(data))]
