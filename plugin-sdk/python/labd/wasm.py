"""The component's boundary: the real host, and the contract's exports over a plugin.

Only the entry of a plugin imports this:

    from labd.wasm import ai_provider
    Provider = ai_provider(MyProvider)

Types cross the boundary by their names: `Event_Text` of this package becomes `Event_Text` of the
bindings that the build generates, field by field; a field that only one side knows is none. So a
plugin needs no other source for a contract with additions.
"""

from __future__ import annotations

import io
import logging
import sys
from dataclasses import fields, is_dataclass
from enum import Enum, Flag
from types import ModuleType
from typing import Any, Callable, List, Optional, TypeVar

from componentize_py_types import Err
from wit_world.imports import clock as wit_clock
from wit_world.imports import errors as wit_errors
from wit_world.imports import http as wit_http
from wit_world.imports import log as wit_log

from . import ai, connector, errors
from .errors import PluginError, as_plugin_error
from .host import Header, RawResponse

T = TypeVar("T")


def convert(value: Any, module: ModuleType) -> Any:
    """The same value in the types of another module."""
    if isinstance(value, list):
        # Numbers, texts and bytes are the same everywhere; a list has one type.
        simple = not value or isinstance(value[0], (str, bytes, int, float)) and not isinstance(value[0], Enum)
        return value if simple else [convert(item, module) for item in value]
    if isinstance(value, Flag):
        target = getattr(module, type(value).__name__)
        result = target(0)
        for member in type(value):
            if member.value and member in value and member.name in target.__members__:
                result |= target[member.name]
        return result
    if isinstance(value, Enum):
        return getattr(module, type(value).__name__)[value.name]
    if is_dataclass(value):
        target = getattr(module, type(value).__name__)
        return target(*(convert(getattr(value, field.name, None), module) for field in fields(target)))
    return value


class _Body:
    """A body whose handle is dropped when it is closed."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, max: int) -> bytes:
        return _calling(lambda: self._body.read(max)) if self._body is not None else b""

    def close(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.__exit__(None, None, None)


class WasmHost:
    """The real host."""

    def log(self, level: str, message: str) -> None:
        wit_log.log(wit_log.Level[level.upper()], message, [])

    def now(self) -> int:
        return wit_clock.now()

    def sleep(self, milliseconds: int) -> None:
        _calling(lambda: wit_clock.sleep(milliseconds))

    def send(
        self,
        method: str,
        url: str,
        headers: List[Header],
        body: Optional[bytes],
        timeout: Optional[int],
    ) -> RawResponse:
        request = wit_http.Request(method, url, headers, body, timeout)
        response = _calling(lambda: wit_http.send(request))
        return RawResponse(response.status, response.headers, _Body(response.body))


host = WasmHost()


def _calling(work: Callable[[], T]) -> T:
    """Calls the host; its error becomes an exception of this package."""
    try:
        return work()
    except Err as error:
        raise PluginError(convert(error.value, errors)) from None


def _guarded(work: Callable[[], T]) -> T:
    """Calls the plugin; whatever it raises becomes an error of the contract.

    So a programming error fails one call and does not cost the instance.
    """
    try:
        return work()
    except Exception as thrown:  # noqa: BLE001 - nothing may pass: it would trap
        error = as_plugin_error(thrown, lambda text: host.log("error", text))
        raise Err(convert(error.error, wit_errors)) from None


class _LogStream(io.TextIOBase):
    """What is printed goes to the log, line by line."""

    def __init__(self, level: str) -> None:
        self._level = level
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            host.log(self._level, line)
        return len(text)


class _LogHandler(logging.Handler):
    """What is logged by `logging` goes to the log."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "debug" if record.levelno < logging.INFO else "info"
        if record.levelno >= logging.WARNING:
            level = "warn" if record.levelno < logging.ERROR else "error"
        host.log(level, self.format(record))


sys.stdout = _LogStream("info")
sys.stderr = _LogStream("error")
logging.basicConfig(level=logging.INFO, handlers=[_LogHandler()], format="%(message)s")


def ai_provider(implementation: Callable[[WasmHost], ai.AiProvider]) -> type:
    """The contract's exports over a provider: `Provider = ai_provider(MyProvider)`."""
    from wit_world.exports import provider as wit

    class Completion(wit.Completion):
        def __init__(self, answer: ai.Answer) -> None:
            self._answer: Optional[ai.Answer] = answer

        def next(self, max: int) -> Any:
            answer = self._answer
            if answer is None:
                return []
            try:
                events = _guarded(lambda: answer.next(max or 1))
            except Err:
                self._end()
                raise
            if not events:
                self._end()
            return [convert(event, wit) for event in events]

        def _end(self) -> None:
            answer, self._answer = self._answer, None
            if answer is not None:
                answer.close()

        # The host has dropped the resource.
        def __del__(self) -> None:
            self._end()

    class Provider:
        def describe(self) -> Any:
            return _guarded(lambda: convert(implementation(host).describe(), wit))

        def models(self, config: str) -> Any:
            return _guarded(lambda: convert(implementation(host).models(config), wit))

        def complete(self, config: str, request: Any) -> Any:
            def work() -> Completion:
                return Completion(implementation(host).complete(config, convert(request, ai)))

            return _guarded(work)

        def embed(self, config: str, request: Any) -> Any:
            def work() -> Any:
                return convert(implementation(host).embed(config, convert(request, ai)), wit)

            return _guarded(work)

    return Provider


def connector_exports(implementation: Callable[[WasmHost], connector.Connector]) -> type:
    """The contract's exports over a connector: `Connector = connector_exports(MyConnector)`."""
    from wit_world.exports import connector as wit

    class Cursor(wit.Cursor):
        def __init__(self, cursor: connector.Cursor) -> None:
            self._cursor = cursor

        def next(self, max_rows: int, max_bytes: int) -> Any:
            return _guarded(lambda: convert(self._cursor.next(max_rows, max_bytes), wit))

    class Connection(wit.Connection):
        def __init__(self, connection: connector.Connection) -> None:
            self._connection = connection

        def ping(self) -> None:
            _guarded(self._connection.ping)

        def server_info(self) -> Any:
            return _guarded(lambda: convert(self._connection.server_info(), wit))

        def schema(self) -> Any:
            return _guarded(lambda: convert(self._connection.schema(), wit))

        def prepare(self, text: str) -> Any:
            return _guarded(lambda: convert(self._connection.prepare(text), wit))

        def query(self, text: str, params: Any, options: Any) -> Any:
            def work() -> Any:
                rows = self._connection.query(
                    text, convert(params, connector), convert(options, connector)
                )
                cursor, rows.rest = rows.rest, None
                wired = convert(rows, wit)
                wired.rest = None if cursor is None else Cursor(cursor)
                return wired

            return _guarded(work)

        def cancel_token(self) -> bytes:
            return _guarded(self._connection.cancel_token)

    class Connector:
        def describe(self) -> Any:
            return _guarded(lambda: convert(implementation(host).describe(), wit))

        def open(self, config: Any) -> Any:
            def work() -> Connection:
                return Connection(implementation(host).open(convert(config, connector)))

            return _guarded(work)

        def cancel(self, config: Any, token: bytes) -> None:
            _guarded(lambda: implementation(host).cancel(convert(config, connector), token))

    return Connector
