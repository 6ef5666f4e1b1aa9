"""The contract's one error type (`labd:common/errors`), as an exception."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Callable, Optional, Union


@dataclass
class Denial:
    capability: str
    target: str
    message: str


@dataclass
class Fault:
    """What has something to tell. The message is a sentence for a person; never a secret."""

    message: str
    code: Optional[str] = None
    position: Optional[int] = None
    hint: Optional[str] = None


@dataclass
class Error_Denied:
    value: Denial


@dataclass
class Error_InvalidRequest:
    value: Fault


@dataclass
class Error_Unauthenticated:
    value: Fault


@dataclass
class Error_RateLimited:
    value: Optional[int] = None


@dataclass
class Error_Overloaded:
    pass


@dataclass
class Error_Timeout:
    pass


@dataclass
class Error_Cancelled:
    pass


@dataclass
class Error_Unavailable:
    value: Fault


@dataclass
class Error_NotFound:
    value: Fault


@dataclass
class Error_Conflict:
    value: Fault


@dataclass
class Error_Internal:
    value: str


Error = Union[
    Error_Denied,
    Error_InvalidRequest,
    Error_Unauthenticated,
    Error_RateLimited,
    Error_Overloaded,
    Error_Timeout,
    Error_Cancelled,
    Error_Unavailable,
    Error_NotFound,
    Error_Conflict,
    Error_Internal,
]


class PluginError(Exception):
    """An error of the contract."""

    def __init__(self, error: Error) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        value = getattr(self.error, "value", None)
        if isinstance(value, (Fault, Denial)):
            return value.message
        return value if isinstance(value, str) else type(self.error).__name__


def _told(case: Callable[[Fault], Error]) -> Callable[..., PluginError]:
    def error(
        message: str,
        *,
        code: Optional[str] = None,
        position: Optional[int] = None,
        hint: Optional[str] = None,
    ) -> PluginError:
        return PluginError(case(Fault(message, code, position, hint)))

    return error


invalid_request = _told(Error_InvalidRequest)
unauthenticated = _told(Error_Unauthenticated)
unavailable = _told(Error_Unavailable)
not_found = _told(Error_NotFound)
conflict = _told(Error_Conflict)


def rate_limited(milliseconds: Optional[int] = None) -> PluginError:
    """`milliseconds`: how long the other side asks to wait, where it says so."""
    return PluginError(Error_RateLimited(milliseconds))


def overloaded() -> PluginError:
    return PluginError(Error_Overloaded())


def timeout() -> PluginError:
    return PluginError(Error_Timeout())


def internal(message: str) -> PluginError:
    return PluginError(Error_Internal(message))


def as_plugin_error(thrown: BaseException, log: Callable[[str], None]) -> PluginError:
    """Whatever was caught, as an error of the contract.

    A programming error becomes `internal`, and its traceback goes to `log` only.
    """
    if isinstance(thrown, PluginError):
        return thrown
    log("".join(traceback.format_exception(thrown)).rstrip())
    return internal(f"the plugin failed: {type(thrown).__name__}: {thrown}")
