"""Outgoing HTTP over `labd:host/http`.

The host adds the credential after the request has left the plugin, vets the origin and its address,
and follows no redirect.
"""

from __future__ import annotations

import json as _json
import re
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional

from . import errors
from .errors import Fault, PluginError
from .host import Body, Header, Host

ERROR_BODY_LIMIT = 64 * 1024
"""The most bytes of an error's body that are worth reading."""

READ = 64 * 1024
"""The most bytes that one read asks for."""

_ABSENT = object()


class Response:
    """The head of a response, and its body."""

    def __init__(self, status: int, headers: List[Header], body: Body) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def ok(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300

    def header(self, name: str) -> Optional[str]:
        """The first header of that name, in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    def bytes(self, limit: int) -> bytes:
        """The whole body; more than `limit` bytes are `unavailable`."""
        pieces: List[bytes] = []
        length = 0
        try:
            while piece := self.body.read(READ):
                length += len(piece)
                if length > limit:
                    raise errors.unavailable(f"the response is larger than {limit} bytes")
                pieces.append(piece)
        finally:
            self.body.close()
        return b"".join(pieces)

    def json(self, limit: int, **options: Any) -> Any:
        """The whole body as JSON; `options` are those of `json.loads`."""
        body = self.bytes(limit)
        try:
            return _json.loads(body, **options)
        except ValueError as error:
            raise errors.unavailable(f"the response is not the expected JSON: {error}") from None

    def error_text(self) -> str:
        """The beginning of the body, for an error's message: what has arrived when reading fails."""
        pieces: List[bytes] = []
        length = 0
        try:
            while length < ERROR_BODY_LIMIT and (piece := self.body.read(READ)):
                pieces.append(piece)
                length += len(piece)
        except PluginError:
            # The status says enough.
            pass
        finally:
            self.body.close()
        return b"".join(pieces)[:ERROR_BODY_LIMIT].decode("utf-8", "replace")


def request(
    host: Host,
    url: str,
    *,
    method: Optional[str] = None,
    headers: Optional[Dict[str, str]] = None,
    body: Optional[bytes] = None,
    json: Any = _ABSENT,
    timeout: Optional[int] = None,
) -> Response:
    """Sends a request and waits for the head of its response.

    `method` is `GET` unless there is a body, then `POST`; `headers` must not have the credential's
    own, which is the host's to set; `timeout` is in milliseconds.
    """
    all_headers = list((headers or {}).items())
    if json is not _ABSENT:
        body = _json.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
        all_headers.append(("content-type", "application/json"))
    sent = host.send(method or ("GET" if body is None else "POST"), url, all_headers, body, timeout)
    return Response(sent.status, sent.headers, sent.body)


_SECONDS = re.compile(r"\s*\d+(\.\d*)?\s*", re.ASCII)


def retry_after(response: Response, now: Callable[[], int]) -> Optional[int]:
    """How long a server asks to wait, in milliseconds.

    Told by `retry-after-ms`, or by `retry-after` in seconds or as a date (RFC 9110, section 5.6.7).
    """
    milliseconds = response.header("retry-after-ms")
    if milliseconds is not None and _SECONDS.fullmatch(milliseconds):
        return _wait(float(milliseconds))
    text = response.header("retry-after")
    if text is None:
        return None
    if _SECONDS.fullmatch(text):
        return _wait(float(text) * 1000)
    try:
        at = datetime.strptime(text.strip(), "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return None
    return _wait(max(0.0, at.replace(tzinfo=timezone.utc).timestamp() * 1000 - now()))


def _wait(milliseconds: float) -> int:
    """A `u32`."""
    return min(round(milliseconds), 0xFFFFFFFF)


def status_error(response: Response, fault: Fault, now: Callable[[], int]) -> PluginError:
    """The contract's error for a status that is no success.

    `fault` is what the body says; a server that tells more by a code of its own is the plugin's to
    classify first.
    """
    status = response.status
    if status in (401, 403):
        return PluginError(errors.Error_Unauthenticated(fault))
    if status in (404, 410):
        return PluginError(errors.Error_NotFound(fault))
    if status in (408, 504):
        return errors.timeout()
    if status == 409:
        return PluginError(errors.Error_Conflict(fault))
    if status == 429:
        return errors.rate_limited(retry_after(response, now))
    if status in (503, 529):
        # Who says for how long asks to wait, whatever the reason.
        wait = retry_after(response, now)
        return errors.overloaded() if wait is None else errors.rate_limited(wait)
    if 400 <= status < 500:
        return PluginError(errors.Error_InvalidRequest(fault))
    if 300 <= status < 400:
        hint = "the address redirects; configure its target"
        return errors.unavailable(fault.message, code=fault.code, hint=hint)
    return PluginError(errors.Error_Unavailable(fault))
