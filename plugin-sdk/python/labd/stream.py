"""Readers of streamed responses. Each gives the same frames however the bytes were split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Generic, List, Optional, Protocol, TypeVar

from . import errors
from .host import Body
from .http import READ

DEFAULT_LIMIT = 8 * 1024 * 1024
"""The most bytes that one line, or the data of one event, may have.

A larger one is `unavailable` and never fills the instance's memory.
"""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Lines:
    """Splits bytes into lines, which end in LF, CRLF, or (for event streams) CR."""

    def __init__(self, limit: int, lone_cr: bool) -> None:
        self._buffer = b""
        self._start = 0
        # How far the buffer holds no end of line.
        self._searched = 0
        self._ended = False
        # The last line ended in a CR at the very end of what had arrived: an LF that follows
        # belongs to it.
        self._skip_lf = False
        self._limit = limit
        self._lone_cr = lone_cr

    def push(self, data: bytes) -> None:
        self._buffer = self._buffer[self._start :] + data
        self._searched -= self._start
        self._start = 0

    def end(self) -> None:
        """Nothing more comes: what is left is a line of its own."""
        self._ended = True

    def line(self) -> Optional[bytes]:
        """The next complete line, without its end."""
        buffer = self._buffer
        if self._skip_lf and self._start < len(buffer):
            if buffer[self._start] == 0x0A:
                self._start += 1
            self._searched = max(self._searched, self._start)
            self._skip_lf = False
        end = buffer.find(b"\n", self._searched)
        if self._lone_cr:
            cr = buffer.find(b"\r", self._searched, len(buffer) if end < 0 else end)
            end = end if cr < 0 else cr
        if end < 0:
            end = len(buffer)
            if not self._ended or self._start == end:
                self._searched = end
                self._check(end - self._start)
                return None
            following = end
        else:
            following = end + 1
            if buffer[end] == 0x0D:
                if following == len(buffer):
                    self._skip_lf = True
                elif buffer[following] == 0x0A:
                    following += 1
        self._check(end - self._start)
        line = buffer[self._start : end]
        if not self._lone_cr and line.endswith(b"\r"):
            line = line[:-1]
        self._start = self._searched = following
        return line

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise errors.unavailable(f"the other side sent a line of more than {self._limit} bytes")


@dataclass
class SseEvent:
    """An event; `name` is empty when the stream names none, `id` is the last one that was seen."""

    name: str
    data: str
    id: str


class SseDecoder:
    """Server-sent events (WHATWG HTML, section 9.2.6).

    Beyond the specification, an event that the end of the stream cuts before its blank line is given
    out when its data is there: some servers end so.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._lines = _Lines(limit, lone_cr=True)
        self._limit = limit
        self._first = True
        self._ended = False
        self._name = ""
        self._data: List[str] = []
        self._size = 0
        self._id = ""

    def push(self, data: bytes) -> None:
        self._lines.push(data)

    def end(self) -> None:
        self._lines.end()
        self._ended = True

    def next(self) -> Optional[SseEvent]:
        while (line := self._lines.line()) is not None:
            text = line.decode("utf-8", "replace")
            if self._first:
                self._first = False
                text = text.removeprefix("\ufeff")
            if not text:
                if event := self._dispatch():
                    return event
                continue
            field, colon, value = text.partition(":")
            # A comment; servers send them to keep the connection alive.
            if colon and not field:
                continue
            value = value.removeprefix(" ")
            if field == "data":
                self._size += len(line)
                if self._size > self._limit:
                    raise errors.unavailable(
                        f"the other side sent an event of more than {self._limit} bytes"
                    )
                self._data.append(value)
            elif field == "event":
                self._name = value
            elif field == "id" and "\0" not in value:
                self._id = value
            # `retry` tells a browser when to reconnect; unknown fields are ignored.
        return self._dispatch() if self._ended else None

    def _dispatch(self) -> Optional[SseEvent]:
        name, data = self._name, self._data
        self._name, self._data, self._size = "", [], 0
        return SseEvent(name, "\n".join(data), self._id) if data else None


class NdjsonDecoder:
    """One JSON value a line. Empty lines are skipped, `null` too; a last line needs no end."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._lines = _Lines(limit, lone_cr=False)

    def push(self, data: bytes) -> None:
        self._lines.push(data)

    def end(self) -> None:
        self._lines.end()

    def next(self) -> Optional[Any]:
        while (line := self._lines.line()) is not None:
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except ValueError as error:
                raise errors.unavailable(
                    f"the other side sent a line that is no JSON: {error}"
                ) from None
            if value is not None:
                return value
        return None


class Decoder(Protocol[T_co]):
    def push(self, data: bytes) -> None: ...

    def end(self) -> None: ...

    def next(self) -> Optional[T_co]: ...


class Frames(Generic[T]):
    """The frames of a response's body."""

    def __init__(self, body: Body, decoder: Decoder[T]) -> None:
        self._body: Optional[Body] = body
        self._decoder = decoder

    def ready(self) -> Optional[T]:
        """A frame that has arrived, without waiting."""
        return self._decoder.next()

    def fill(self) -> bool:
        """Waits for more bytes; false at the end of the body.

        Then `ready` gives what was still held back.
        """
        if self._body is None:
            return False
        data = self._body.read(READ)
        if not data:
            self.close()
            self._decoder.end()
            return False
        self._decoder.push(data)
        return True

    def next(self) -> Optional[T]:
        """The next frame, waiting for it; none at the end."""
        while True:
            frame = self.ready()
            if frame is not None:
                return frame
            if not self.fill():
                return self.ready()

    def close(self) -> None:
        """Closes the body, and with it the connection unless it was read to its end."""
        if self._body is not None:
            self._body.close()
            self._body = None


def read_sse(body: Body) -> Frames[SseEvent]:
    return Frames(body, SseDecoder())


def read_ndjson(body: Body) -> Frames[Any]:
    return Frames(body, NdjsonDecoder())
