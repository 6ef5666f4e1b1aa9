"""The connector."""

from __future__ import annotations

from typing import Any, List, Optional

from labd import connector as labd
from labd.connector import Batch, Column, Config, Info, Param, Placeholders, QueryOptions, to_batch
from labd.errors import invalid_request
from labd.host import Host

from .api import Api, Table
from .plan import Plan, ResultColumn, columns_of, plan
from .sql import parse
from .values import from_api, size_of

# The most rows that are asked for at once: the API's limit, too.
PAGE = 1000


class RestConnector(labd.Connector):
    def __init__(self, host: Host) -> None:
        self._host = host

    def describe(self) -> Info:
        return Info("REST tables", "generic", Placeholders.DOLLAR)

    def open(self, config: Config) -> labd.Connection:
        if not config.base_url:
            raise invalid_request(
                "the data source has no address that can be reached by HTTP",
                hint="write it as rest://:token@host/path; the plugin needs the permission "
                "http=from-config:base-url",
            )
        connection = RestConnection(Api(self._host, config.base_url), config)
        connection.ping()
        return connection

    def cancel(self, config: Config, token: bytes) -> None:
        """A request ends with its connection, which the host closes. There is nothing else to stop."""


class RestConnection(labd.Connection):
    def __init__(self, api: Api, config: Config) -> None:
        self._api = api
        self._config = config

    def ping(self) -> None:
        self._api.about()

    def server_info(self) -> labd.ServerInfo:
        product, user = self._api.about()
        return labd.ServerInfo(product, user, self._config.database)

    def schema(self) -> labd.Schema:
        return labd.Schema("", [_relation(table) for table in self._api.tables()])

    def prepare(self, text: str) -> labd.Prepared:
        select = parse(text)
        columns, parameters = columns_of(select, self._api.table(select.table))
        described = [labd.Parameter(kind.name.lower(), kind) for kind in parameters]
        return labd.Prepared(described, _described(columns))

    def query(self, text: str, params: List[Param], options: QueryOptions) -> labd.Rows:
        select = parse(text)
        table = self._api.table(select.table)
        planned = plan(select, table, params)
        pages = Pages(self._api, table, planned, options.timeout)
        first = pages.next(options.max_rows, options.max_bytes)
        return labd.Rows(_described(planned.columns), first, None if pages.ended else pages)

    def cancel_token(self) -> bytes:
        return b""


class Pages:
    """The rows of a query, page by page."""

    def __init__(self, api: Api, table: Table, planned: Plan, timeout: int) -> None:
        self._api = api
        self._table = table
        self._plan = planned
        self._timeout = timeout
        # How many rows may still come.
        self._left = planned.limit
        # Rows that have arrived and did not fit.
        self._held: List[List[Any]] = []
        self._cursor: Optional[str] = None
        self._last = planned.empty

    @property
    def ended(self) -> bool:
        """All rows have been given."""
        return not self._held and (self._last or self._left == 0)

    def next(self, max_rows: int, max_bytes: int) -> Batch:
        # A page may be empty and yet not the last one.
        while not self._held and not self.ended:
            self._fetch(max_rows)
        count = 0
        room = max_bytes
        while count < min(max_rows, len(self._held)):
            room -= size_of(self._held[count])
            # One row is always given, or the caller would never get past it.
            if room < 0 and count > 0:
                break
            count += 1
        rows, self._held = self._held[:count], self._held[count:]
        return to_batch([column.column.kind for column in self._plan.columns], rows)

    def _fetch(self, max_rows: int) -> None:
        limit = min(PAGE, max_rows) if self._left is None else min(PAGE, max_rows, self._left)
        rows, self._cursor = self._api.rows(
            self._table, self._plan, limit, self._cursor, self._timeout
        )
        columns = [column.column for column in self._plan.columns]
        self._held = [[from_api(*pair) for pair in zip(columns, row)] for row in rows]
        if self._left is not None:
            self._left -= len(rows)
        self._last = self._cursor is None


def _described(columns: List[ResultColumn]) -> List[Column]:
    return [Column(one.name, one.column.type, one.column.kind) for one in columns]


def _relation(table: Table) -> labd.Relation:
    return labd.Relation(
        schema_name="",
        name=table.name,
        kind=labd.RelationKind.TABLE,
        comment=table.comment,
        row_estimate=table.row_estimate,
        columns=[
            labd.ColumnInfo(
                name=column.name,
                database_type=column.type,
                kind=column.kind,
                nullable=column.nullable,
                comment=column.comment,
                enum_values=column.values,
            )
            for column in table.columns
        ],
        primary_key=table.primary_key,
        foreign_keys=[
            labd.ForeignKey(f"{table.name}_{number}", key.columns, "", key.table, key.referenced)
            for number, key in enumerate(table.foreign_keys, 1)
        ],
    )
