"""Plugins of kind `connector`.

The types have the names and fields of the contract (`wit/connector`), which says what they mean; what
may be left out is left out. A variant `param` with the case `typed` is `Param_Typed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from typing import Any, List, Optional, Protocol, Sequence, Tuple, Union


class Placeholders(Enum):
    DOLLAR = auto()
    QUESTION_NUMBERED = auto()
    QUESTION = auto()
    AT_NUMBERED = auto()
    COLON_NUMBERED = auto()
    JSON = auto()


@dataclass
class Info:
    name: str
    dialect: str
    placeholders: Placeholders


@dataclass
class Config:
    user: Optional[str] = None
    database: Optional[str] = None
    base_url: Optional[str] = None
    options: List[Tuple[str, str]] = field(default_factory=list)
    time_zone: str = "UTC"
    application_name: str = "labd"


class ValueKind(Enum):
    BOOLEAN = auto()
    INTEGER = auto()
    FLOAT = auto()
    DECIMAL = auto()
    TEXT = auto()
    BINARY = auto()
    DATE = auto()
    TIME = auto()
    TIMESTAMP = auto()
    INSTANT = auto()
    UUID = auto()
    JSON = auto()
    ARRAY = auto()
    OTHER = auto()


@dataclass
class Column:
    name: str
    database_type: str
    kind: ValueKind


@dataclass
class Parameter:
    database_type: str
    kind: ValueKind


@dataclass
class TypedText:
    kind: ValueKind
    text: str


@dataclass
class TypedTexts:
    kind: ValueKind
    items: List[Optional[str]]


@dataclass
class Param_Null:
    pass


@dataclass
class Param_Boolean:
    value: bool


@dataclass
class Param_Integer:
    value: int


@dataclass
class Param_Float:
    value: float


@dataclass
class Param_Text:
    value: str


@dataclass
class Param_Typed:
    value: TypedText


@dataclass
class Param_Binary:
    value: bytes


@dataclass
class Param_Array:
    value: TypedTexts


Param = Union[
    Param_Null,
    Param_Boolean,
    Param_Integer,
    Param_Float,
    Param_Text,
    Param_Typed,
    Param_Binary,
    Param_Array,
]


@dataclass
class Values_Booleans:
    value: List[bool]


@dataclass
class Values_Integers:
    value: List[int]


@dataclass
class Values_Floats:
    value: List[float]


@dataclass
class Values_Decimals:
    value: List[str]


@dataclass
class Values_Texts:
    value: List[str]


@dataclass
class Values_Binaries:
    value: List[bytes]


Values = Union[
    Values_Booleans,
    Values_Integers,
    Values_Floats,
    Values_Decimals,
    Values_Texts,
    Values_Binaries,
]


@dataclass
class ColumnValues:
    nulls: bytes
    values: Values


@dataclass
class Batch:
    rows: int
    columns: List[ColumnValues]


@dataclass
class QueryOptions:
    read_only: bool
    timeout: int
    max_rows: int
    max_bytes: int


class Cursor(Protocol):
    """The rows that did not fit the first batch."""

    def next(self, max_rows: int, max_bytes: int) -> Batch: ...


@dataclass
class Rows:
    columns: List[Column]
    first: Batch
    rest: Optional[Cursor] = None
    affected: Optional[int] = None


@dataclass
class Prepared:
    parameters: List[Parameter]
    columns: List[Column]


@dataclass
class ServerInfo:
    product: str
    user: Optional[str] = None
    database: Optional[str] = None
    warnings: List[str] = field(default_factory=list)


class RelationKind(Enum):
    TABLE = auto()
    VIEW = auto()
    MATERIALIZED_VIEW = auto()
    FOREIGN_TABLE = auto()
    COLLECTION = auto()


@dataclass
class ColumnInfo:
    name: str
    database_type: str
    kind: ValueKind
    nullable: bool = True
    default_value: Optional[str] = None
    comment: Optional[str] = None
    enum_values: List[str] = field(default_factory=list)
    frequency: Optional[int] = None


@dataclass
class ForeignKey:
    name: str
    columns: List[str]
    referenced_schema: str
    referenced_table: str
    referenced_columns: List[str]


@dataclass
class Index:
    name: str
    columns: List[str]
    unique: bool


@dataclass
class Relation:
    schema_name: str
    name: str
    kind: RelationKind
    comment: Optional[str] = None
    row_estimate: Optional[int] = None
    columns: List[ColumnInfo] = field(default_factory=list)
    primary_key: List[str] = field(default_factory=list)
    unique_keys: List[List[str]] = field(default_factory=list)
    foreign_keys: List[ForeignKey] = field(default_factory=list)
    indexes: List[Index] = field(default_factory=list)


@dataclass
class Schema:
    default_schema: str
    relations: List[Relation]


class Connection:
    """An open connection."""

    def ping(self) -> None:
        raise NotImplementedError

    def server_info(self) -> ServerInfo:
        raise NotImplementedError

    def schema(self) -> Schema:
        raise NotImplementedError

    def prepare(self, text: str) -> Prepared:
        raise NotImplementedError

    def query(self, text: str, params: List[Param], options: QueryOptions) -> Rows:
        raise NotImplementedError

    def cancel_token(self) -> bytes:
        raise NotImplementedError


class Connector:
    """A connector. One instance holds one connection of one data source."""

    def describe(self) -> Info:
        """What it is. Pure."""
        raise NotImplementedError

    def open(self, config: Config) -> Connection:
        raise NotImplementedError

    def cancel(self, config: Config, token: bytes) -> None:
        """Runs in an instance of its own."""
        raise NotImplementedError


def to_batch(kinds: Sequence[ValueKind], rows: Sequence[Sequence[Any]]) -> Batch:
    """Rows, each a list of values in the order of the columns, as a batch of the contract.

    | kind | a value is |
    | --- | --- |
    | `BOOLEAN`, `FLOAT` | a `bool`, a number |
    | `INTEGER` | an `int`; a batch with one beyond 64 bits travels as text |
    | `DECIMAL` | a `Decimal`, an `int`, or its text |
    | `BINARY` | `bytes` |
    | every other | text; dates and times by ISO 8601 |

    `None` is null in every kind.
    """
    columns = []
    for index, kind in enumerate(kinds):
        cells = [row[index] for row in rows]
        columns.append(ColumnValues(_null_mask(cells), _values(kind, cells)))
    return Batch(len(rows), columns)


def _null_mask(cells: List[Any]) -> bytes:
    """A bit per row, least significant first; empty when no row is null."""
    if None not in cells:
        return b""
    mask = bytearray((len(cells) + 7) // 8)
    for row, cell in enumerate(cells):
        if cell is None:
            mask[row >> 3] |= 1 << (row & 7)
    return bytes(mask)


def _decimal(cell: Any) -> str:
    # Without an exponent: 1E+2 is 100.
    return format(cell, "f") if isinstance(cell, Decimal) and cell.is_finite() else str(cell)


def _values(kind: ValueKind, cells: List[Any]) -> Values:
    def filled(empty: Any) -> List[Any]:
        return [empty if cell is None else cell for cell in cells]

    if kind is ValueKind.BOOLEAN:
        return Values_Booleans(filled(False))
    if kind is ValueKind.FLOAT:
        return Values_Floats([float(cell) for cell in filled(0.0)])
    if kind is ValueKind.INTEGER:
        numbers = filled(0)
        if all(-(2**63) <= number < 2**63 for number in numbers):
            return Values_Integers(numbers)
        return Values_Decimals([str(number) for number in numbers])
    if kind is ValueKind.DECIMAL:
        return Values_Decimals([_decimal(cell) for cell in filled(0)])
    if kind is ValueKind.BINARY:
        return Values_Binaries(filled(b""))
    return Values_Texts([str(cell) for cell in filled("")])
