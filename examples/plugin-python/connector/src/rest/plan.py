"""A statement and the columns of its table → what the API is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Dict, List, Optional, Tuple

from labd.connector import Param, Param_Text, ValueKind

from .api import Table, TableColumn
from .sql import Name, Parameter, Select, Value, fault
from .values import text_of, to_api


@dataclass
class ResultColumn:
    name: str
    column: TableColumn


@dataclass
class Plan:
    columns: List[ResultColumn]
    equal: List[Tuple[str, str]]
    """A column, and the text that it must equal."""
    order: List[str]
    """`total.desc`"""
    limit: Optional[int]
    empty: bool
    """A column was compared with null, which nothing equals."""


def columns_of(select: Select, table: Table) -> Tuple[List[ResultColumn], List[ValueKind]]:
    """The columns of the result, and the type that each parameter is compared with."""
    if select.items is None:
        columns = [ResultColumn(column.name, column) for column in table.columns]
    else:
        columns = []
        for item in select.items:
            column = _find(table, item.column)
            columns.append(ResultColumn(item.name or column.name, column))
    kinds: Dict[int, ValueKind] = {}
    for condition in select.where:
        column = _find(table, condition.column)
        if isinstance(condition.value, Parameter):
            kinds[condition.value.number] = column.kind
    if isinstance(select.limit, Parameter):
        kinds[select.limit.number] = ValueKind.INTEGER
    # A number that was left out is a parameter that nothing uses.
    count = max(kinds, default=-1) + 1
    return columns, [kinds.get(number, ValueKind.TEXT) for number in range(count)]


def plan(select: Select, table: Table, params: List[Param]) -> Plan:
    columns, kinds = columns_of(select, table)
    if len(params) != len(kinds):
        message = f"the statement has {len(kinds)} parameters, and {len(params)} were given"
        raise fault(0, message)

    def given(value: Value) -> Param:
        return params[value.number] if isinstance(value, Parameter) else Param_Text(value.text)

    equal: List[Tuple[str, str]] = []
    empty = False
    for condition in select.where:
        column = _find(table, condition.column)
        text = to_api(column, given(condition.value), partial(fault, condition.column.at))
        if text is None:
            empty = True
        else:
            equal.append((column.name, text))
    order = [
        f"{_find(table, one.column).name}.{'desc' if one.descending else 'asc'}"
        for one in select.order
    ]
    limit = None
    if select.limit is not None and (text := text_of(given(select.limit))) is not None:
        if not (text.isascii() and text.isdigit()):
            raise fault(select.table.at, "LIMIT takes a whole number")
        limit = int(text)
    return Plan(columns, equal, order, limit, empty)


def _find(table: Table, name: Name) -> TableColumn:
    for column in table.columns:
        if name.means(column.name):
            return column
    raise fault(name.at, f'the table "{table.name}" has no column "{name.text}"')
