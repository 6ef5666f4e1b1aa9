"""The API's values → labd's, and parameters → the API's texts. No number passes through a float."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from decimal import Decimal
from typing import Any, Callable, List, Optional

from labd.connector import (
    Param,
    Param_Array,
    Param_Binary,
    Param_Boolean,
    Param_Null,
    Param_Typed,
    ValueKind,
)
from labd.errors import PluginError, unavailable

from .api import TableColumn

INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

Kind = ValueKind


def from_api(column: TableColumn, cell: Any) -> Any:
    """A cell as `to_batch` takes it; `cell` was parsed with `Decimal` for numbers with a fraction."""
    if cell is None:
        return None
    kind = column.kind
    text = cell if isinstance(cell, str) else None
    number = isinstance(cell, (int, Decimal)) and not isinstance(cell, bool)
    if kind is Kind.BOOLEAN:
        if isinstance(cell, bool):
            return cell
    elif kind is Kind.INTEGER:
        if number and isinstance(cell, int):
            return cell
        if text is not None and INTEGER.fullmatch(text):
            return int(text)
    elif kind is Kind.FLOAT:
        if number or text is not None and (DECIMAL.fullmatch(text) or text in ("NaN", "Infinity", "-Infinity")):
            return float(cell)
    elif kind is Kind.DECIMAL:
        if number or text is not None and (DECIMAL.fullmatch(text) or text == "NaN"):
            return cell
    elif kind is Kind.BINARY:
        if text is not None:
            try:
                return b64decode(text, validate=True)
            except binascii.Error:
                pass
    elif kind is Kind.JSON:
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"), default=_exact)
    elif text is not None:
        return text
    message = f'the API sent something else than its type {column.type} in the column "{column.name}"'
    raise unavailable(message)


def _exact(number: Decimal) -> Any:
    """Within JSON: a number where a double holds it, its text otherwise."""
    double = float(number)
    return double if Decimal(repr(double)) == number else str(number)


def size_of(row: List[Any]) -> int:
    """About how many bytes the values of a row have."""
    return sum(len(cell) * 3 if isinstance(cell, (str, bytes)) else 16 for cell in row)


def text_of(param: Param) -> Optional[str]:
    """A parameter as text; none for null."""
    if isinstance(param, Param_Null):
        return None
    if isinstance(param, Param_Typed):
        return param.value.text
    if isinstance(param, Param_Boolean):
        return "true" if param.value else "false"
    return str(param.value)


def to_api(
    column: TableColumn, param: Param, fault: Callable[[str], PluginError]
) -> Optional[str]:
    """What the API is to compare a column with; none for null."""
    text = text_of(param)
    if text is None:
        return None
    kind = column.kind
    fits = not isinstance(param, (Param_Binary, Param_Array))
    if kind is Kind.BOOLEAN:
        fits = fits and text in ("true", "false")
    elif kind is Kind.INTEGER:
        fits = fits and INTEGER.fullmatch(text) is not None
    elif kind in (Kind.FLOAT, Kind.DECIMAL):
        fits = fits and DECIMAL.fullmatch(text) is not None
    elif kind in (Kind.BINARY, Kind.JSON):
        fits = False
    if not fits:
        message = f'the column "{column.name}" is of type {column.type}; it cannot be compared with this value'
        raise fault(message)
    return text
