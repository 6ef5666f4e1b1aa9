"""Errors of the API.

The code decides before the status does: an account without credit answers 429 too, and waiting does
not help there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, List, Optional

from labd import errors
from labd.errors import Fault, PluginError
from labd.http import Response, status_error

# Characters of a message that are kept.
MESSAGE = 600

HINTS = {
    401: "check the API key of this provider",
    403: "check the API key of this provider",
    404: "check the model's name, and that `base-url` ends with the version, such as /v1",
}


@dataclass
class Told:
    """What an error's body says."""

    message: str
    codes: List[str] = field(default_factory=list)

    @property
    def code(self) -> Optional[str]:
        return self.codes[0] if self.codes else None

    def is_one_of(self, *known: str) -> bool:
        return any(code in known for code in self.codes)


def of_response(response: Response, now: Callable[[], int]) -> PluginError:
    """The error of a response whose status is no success."""
    text = response.error_text()
    try:
        told = _read(json.loads(text))
    except ValueError:
        # A proxy's page is not for a person to read.
        page = text.lstrip().startswith("<")
        told = Told("the server answered with a web page" if page else _short(text))
    fault = Fault(told.message, told.code, hint=HINTS.get(response.status))
    return _settled(told) or status_error(response, fault, now)


def in_stream(chunk: Any) -> Optional[PluginError]:
    """The error that a chunk of a stream reports; none when it reports none."""
    if not isinstance(chunk, dict):
        return errors.unavailable("the stream holds something else than a chunk")
    if not chunk.get("error"):
        return None
    told = _read(chunk)
    if known := _settled(told):
        return known
    words = " ".join(told.codes)
    if "rate_limit" in words or told.code == "429":
        return errors.rate_limited()
    if "overloaded" in words or told.code == "503":
        return errors.overloaded()
    if "invalid_request" in words:
        return errors.invalid_request(told.message, code=told.code)
    return errors.unavailable(told.message, code=told.code)


def _read(body: Any) -> Told:
    """From `{"error": {…}}`, `{"error": "…"}`, `{"detail": "…"}` or `{"message": "…"}`."""
    error = body.get("error") or body if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return Told(_short(error if isinstance(error, str) else json.dumps(error)))
    message = error.get("message") or error.get("detail") or json.dumps(error)
    codes = [str(error[key]) for key in ("code", "type") if error.get(key)]
    return Told(_short(message if isinstance(message, str) else json.dumps(message)), codes)


def _settled(told: Told) -> Optional[PluginError]:
    """What the code alone settles."""
    if told.is_one_of("insufficient_quota", "billing_hard_limit_reached"):
        hint = "the provider's account has no credit left; raise its limit there, or use another provider"
        return errors.invalid_request(told.message, code=told.code, hint=hint)
    if told.is_one_of("invalid_api_key", "authentication_error"):
        return errors.unauthenticated(told.message, code=told.code, hint=HINTS[401])
    if told.is_one_of("model_not_found"):
        hint = "choose one of the provider's models"
        return errors.not_found(told.message, code=told.code, hint=hint)
    if told.is_one_of("context_length_exceeded"):
        hint = "the request is longer than the model's context; choose a model with a larger one"
        return errors.invalid_request(told.message, code=told.code, hint=hint)
    return None


def _short(text: str) -> str:
    return text.strip()[:MESSAGE] or "the server gave no reason"
