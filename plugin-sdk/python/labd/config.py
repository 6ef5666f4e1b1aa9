"""What the operator configured, as the manifest's [config] describes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Optional

from . import errors
from .errors import PluginError


@dataclass
class Key:
    """A key of the configuration."""

    type: str
    """`string`, `url`, `integer`, `number` or `boolean`."""
    required: bool = False
    default: Any = None
    minimum: Optional[float] = None
    maximum: Optional[float] = None


def wrong_key(key: str, text: str) -> PluginError:
    """An error about one key: the message names it."""
    return errors.invalid_request(f"configuration: `{key}` {text}", code=key)


def parse(text: str, keys: Dict[str, Key]) -> Dict[str, Any]:
    """Reads a configuration, with the defaults of what is missing.

    A wrong one is `invalid-request` with a message that names the key: an unknown key, a missing
    one, a value of another type. `"false"` is no boolean.
    """
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise errors.invalid_request(f"configuration: it is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise errors.invalid_request("configuration: it must be a JSON object")
    for name in given:
        if name not in keys:
            raise wrong_key(name, f"is not known; there are: {', '.join(keys) or 'no keys'}")
    values = {}
    for name, key in keys.items():
        value = given.get(name)
        if value is None:
            if key.required:
                raise wrong_key(name, "is required")
            values[name] = key.default
            continue
        _check(name, key, value)
        values[name] = value
    return values


def _check(name: str, key: Key, value: Any) -> None:
    if key.type == "string":
        if not isinstance(value, str):
            raise wrong_key(name, "must be a text")
    elif key.type == "url":
        if not isinstance(value, str) or not re.match(r"https?://[^\s/]", value):
            raise wrong_key(name, "must be an address such as https://api.example.com/v1")
    elif key.type == "boolean":
        if not isinstance(value, bool):
            raise wrong_key(name, "must be true or false")
    else:
        # True is a number to Python, and to nobody else.
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (key.type == "integer" and not isinstance(value, int)):
            kind = "a whole number" if key.type == "integer" else "a number"
            raise wrong_key(name, f"must be {kind}")
        low = key.minimum if key.minimum is not None else float("-inf")
        high = key.maximum if key.maximum is not None else float("inf")
        if not low <= value <= high:
            raise wrong_key(name, f"must be from {low:g} to {high:g}")
