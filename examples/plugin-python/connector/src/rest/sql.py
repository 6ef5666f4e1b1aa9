"""The part of SQL that maps to the API:

    SELECT * | column [AS name], …
    FROM table
    [WHERE column = value [AND …]]
    [ORDER BY column [ASC | DESC], …]
    [LIMIT count]

A value is a parameter ($1), a text, a number, TRUE or FALSE. Everything else is refused: what the API
does not do, this connector does not make up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, List, Optional, TypeVar, Union

from labd.errors import PluginError, invalid_request

T = TypeVar("T")


@dataclass
class Name:
    text: str
    quoted: bool
    at: int
    """Where it stands, to point at."""
    before: Optional[Name] = None
    """The table of `table.column`."""

    def means(self, other: str) -> bool:
        """A name in quotes is meant to the letter, another in any case."""
        return self.text == other if self.quoted else self.text.lower() == other.lower()


@dataclass
class Parameter:
    number: int
    """Counted from 0."""


@dataclass
class Literal:
    text: str


Value = Union[Parameter, Literal]


@dataclass
class Item:
    column: Name
    name: Optional[str]


@dataclass
class Condition:
    column: Name
    value: Value


@dataclass
class Order:
    column: Name
    descending: bool


@dataclass
class Select:
    items: Optional[List[Item]]
    """None for `*`."""
    table: Name
    where: List[Condition]
    order: List[Order]
    limit: Optional[Value]


@dataclass
class Token:
    kind: str
    text: str
    at: int


TOKEN = re.compile(
    r"""\s+|--[^\n]*
    |(?P<word>[^\W\d]\w*)
    |"(?P<name>(?:[^"]|"")+)"
    |'(?P<text>(?:[^']|'')*)'
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?)
    |\$(?P<parameter>[0-9]+)
    |(?P<sign>[*,.=;])""",
    re.VERBOSE,
)

CLAUSES = (
    "this connector reads SELECT columns FROM table WHERE column = value AND … "
    "ORDER BY column LIMIT count"
)


def fault(at: int, message: str) -> PluginError:
    """An error that points into the statement."""
    return invalid_request(message, position=at + 1, hint=CLAUSES)


def parse(text: str) -> Select:
    return _Parser(_tokens(text)).select()


class _Parser:
    def __init__(self, tokens: List[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def select(self) -> Select:
        self._keyword("SELECT")
        items = None if self._sign("*") else self._list(self._item)
        self._keyword("FROM")
        table = self._name()
        where = self._conditions() if self._word("WHERE") else []
        order: List[Order] = []
        if self._word("ORDER"):
            self._keyword("BY")
            order = self._list(self._order)
        limit = self._value() if self._word("LIMIT") else None
        self._sign(";")
        if self._peek.kind != "end":
            raise self._refused()
        # A column may be written with its table before it.
        columns = [item.column for item in items or []]
        columns += [condition.column for condition in where]
        columns += [one.column for one in order]
        for column in columns:
            before = column.before
            if before and not before.means(table.text):
                raise fault(before.at, f'"{before.text}" is not the table that is read')
        return Select(items, table, where, order, limit)

    def _item(self) -> Item:
        column = self._name()
        return Item(column, self._name().text if self._word("AS") else None)

    def _conditions(self) -> List[Condition]:
        conditions = []
        while True:
            column = self._name()
            if not self._sign("="):
                raise self._refused()
            conditions.append(Condition(column, self._value()))
            if not self._word("AND"):
                return conditions

    def _order(self) -> Order:
        column = self._name()
        descending = self._word("DESC")
        if not descending:
            self._word("ASC")
        return Order(column, descending)

    def _value(self) -> Value:
        token = self._peek
        if token.kind == "parameter" and int(token.text) > 0:
            self._next += 1
            return Parameter(int(token.text) - 1)
        if token.kind in ("text", "number"):
            self._next += 1
            return Literal(token.text)
        for word in ("TRUE", "FALSE"):
            if self._word(word):
                return Literal(word.lower())
        raise self._refused()

    def _name(self) -> Name:
        token = self._peek
        if token.kind not in ("word", "name"):
            raise self._refused()
        self._next += 1
        name = Name(token.text, token.kind == "name", token.at)
        if self._sign("."):
            inner = self._name()
            inner.before = name
            return inner
        return name

    def _list(self, one: Callable[[], T]) -> List[T]:
        listed = [one()]
        while self._sign(","):
            listed.append(one())
        return listed

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _word(self, keyword: str) -> bool:
        found = self._peek.kind == "word" and self._peek.text.upper() == keyword
        self._next += found
        return found

    def _keyword(self, keyword: str) -> None:
        if not self._word(keyword):
            raise self._refused()

    def _sign(self, sign: str) -> bool:
        found = self._peek.kind == "sign" and self._peek.text == sign
        self._next += found
        return found

    def _refused(self) -> PluginError:
        token = self._peek
        if token.kind == "end":
            return fault(token.at, "the statement ends too early")
        return fault(token.at, f'"{token.text}" cannot be read here')


def _tokens(text: str) -> List[Token]:
    tokens = []
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise fault(at, f'"{text[at]}" cannot be read here')
        if kind := found.lastgroup:
            plain = found.group(kind)
            if kind == "name":
                plain = plain.replace('""', '"')
            elif kind == "text":
                plain = plain.replace("''", "'")
            tokens.append(Token(kind, plain, at))
        at = found.end()
    tokens.append(Token("end", "", len(text)))
    return tokens
