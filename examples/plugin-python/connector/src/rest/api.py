"""Requests to the API, its answers and its errors. README.md says what it serves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple
from urllib.parse import quote

from labd import errors
from labd.connector import ValueKind
from labd.errors import Fault, PluginError
from labd.host import Host
from labd.http import request, status_error

if TYPE_CHECKING:
    from .plan import Plan
    from .sql import Name

# The most bytes of a page, and of a table's description.
LIMIT = 16 * 1024 * 1024

# For how long a table's description is taken as it was, in milliseconds.
KEEP = 60_000

TYPES = {
    kind.name.lower(): kind
    for kind in ValueKind
    if kind not in (ValueKind.ARRAY, ValueKind.OTHER)
}


@dataclass
class TableColumn:
    name: str
    type: str
    kind: ValueKind
    nullable: bool = True
    comment: Optional[str] = None
    values: List[str] = field(default_factory=list)


@dataclass
class ForeignKey:
    columns: List[str]
    table: str
    referenced: List[str]


@dataclass
class Table:
    name: str
    comment: Optional[str]
    row_estimate: Optional[int]
    columns: List[TableColumn]
    primary_key: List[str]
    foreign_keys: List[ForeignKey]


class Api:
    def __init__(self, host: Host, base: str) -> None:
        self._host = host
        self._base = base.rstrip("/")
        # Descriptions of tables, and until when they hold.
        self._kept: Dict[str, Tuple[Table, int]] = {}

    def about(self) -> Tuple[str, Optional[str]]:
        """The product that answers, and who is asking."""
        about = self._get("/", [])
        if not isinstance(about.get("product"), str):
            raise _not_the_api()
        return about["product"], _text(about.get("user"))

    def tables(self) -> List[Table]:
        listed = self._get("/tables", []).get("tables")
        if not isinstance(listed, list):
            raise _not_the_api()
        # A server may put the description of a table right into the list.
        return [
            self._keep(entry)
            if isinstance(entry, dict) and entry.get("columns")
            else self._describe(str(entry.get("name") if isinstance(entry, dict) else entry))
            for entry in listed
        ]

    def table(self, name: Name) -> Table:
        """The table of a statement."""
        wanted = name.text if name.quoted else name.text.lower()
        table, until = self._kept.get(wanted, (None, 0))
        if table is not None and until > self._host.now():
            return table
        return self._describe(wanted)

    def rows(
        self, table: Table, plan: Plan, limit: int, cursor: Optional[str], timeout: int
    ) -> Tuple[List[List[Any]], Optional[str]]:
        """A page of rows, and how to ask for the next one. `timeout` is in milliseconds."""
        query = [("columns", ",".join(column.column.name for column in plan.columns))]
        query += [(f"eq.{column}", text) for column, text in plan.equal]
        if plan.order:
            query.append(("order", ",".join(plan.order)))
        query.append(("limit", str(limit)))
        if cursor is not None:
            query.append(("cursor", cursor))
        try:
            page = self._get(f"/tables/{quote(table.name, safe='')}/rows", query, timeout)
        except PluginError:
            # The table may have changed since it was described.
            self._kept.pop(table.name, None)
            raise
        rows, width = page.get("rows"), len(plan.columns)
        if (
            not isinstance(rows, list)
            or len(rows) > limit
            or any(not isinstance(row, list) or len(row) != width for row in rows)
        ):
            raise errors.unavailable("the API sent other rows than it was asked for")
        following = page.get("next")
        return rows, following if isinstance(following, str) else None

    def _describe(self, name: str) -> Table:
        return self._keep(self._get(f"/tables/{quote(name, safe='')}", []))

    def _keep(self, entry: Dict[str, Any]) -> Table:
        table = _to_table(entry)
        self._kept[table.name] = (table, self._host.now() + KEEP)
        return table

    def _get(
        self, path: str, query: List[Tuple[str, str]], timeout: Optional[int] = None
    ) -> Dict[str, Any]:
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
        url = self._base + path + (f"?{text}" if text else "")
        response = request(
            self._host, url, headers={"accept": "application/json"}, timeout=timeout
        )
        if response.ok:
            body = response.json(LIMIT, parse_float=Decimal)
            if not isinstance(body, dict):
                raise _not_the_api()
            return body
        message, code = f"the API answered with status {response.status}", None
        try:
            told = json.loads(response.error_text())["error"]
            message, code = _text(told.get("message")) or message, _text(told.get("code"))
        except (ValueError, KeyError, TypeError, AttributeError):
            # No such JSON; the status says enough.
            pass
        hint = None
        if response.status in (401, 403):
            hint = "the token is the password in the source's URL: rest://:token@host/path"
        raise status_error(response, Fault(message, code, hint=hint), self._host.now)


def _not_the_api() -> PluginError:
    return errors.unavailable(
        "what answers there is not an API that serves tables",
        hint="check the host, the port and the path of the source's URL",
    )


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _list(value: Any) -> List[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _to_table(entry: Dict[str, Any]) -> Table:
    if not isinstance(entry.get("name"), str) or not isinstance(entry.get("columns"), list):
        raise _not_the_api()
    estimate = entry.get("row_estimate")
    return Table(
        name=entry["name"],
        comment=_text(entry.get("comment")),
        row_estimate=estimate if isinstance(estimate, int) and 0 <= estimate < 2**53 else None,
        columns=[
            TableColumn(
                name=str(column.get("name")),
                type=str(column.get("type")),
                # A type of the future is shown as the text that it is.
                kind=TYPES.get(str(column.get("type")), ValueKind.OTHER),
                nullable=column.get("nullable") is not False,
                comment=_text(column.get("comment")),
                values=_list(column.get("values")),
            )
            for column in entry["columns"]
            if isinstance(column, dict)
        ],
        primary_key=_list(entry.get("primary_key")),
        foreign_keys=[
            ForeignKey(
                _list(key.get("columns")), str(key.get("table")), _list(key.get("referenced_columns"))
            )
            for key in entry.get("foreign_keys") or []
        ],
    )
