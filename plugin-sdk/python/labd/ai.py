"""Plugins of kind `ai-provider`.

The types have the names and fields of the contract (`wit/ai-provider`), which says what they mean;
what may be left out is left out. A variant `event` with the case `tool-started` is `Event_ToolStarted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from typing import Generic, List, Optional, Protocol, TypeVar, Union

from . import errors
from .stream import Frames


class Capabilities(Flag):
    NONE = 0
    TOOLS = auto()
    STRICT_TOOLS = auto()
    IMAGES = auto()
    FILES = auto()
    STRUCTURED_OUTPUT = auto()
    REASONING = auto()
    EMBEDDINGS = auto()
    DOCUMENT = auto()


@dataclass
class Info:
    name: str
    description: str
    capabilities: Capabilities
    default_model: Optional[str] = None


@dataclass
class Model:
    id: str
    name: str
    context_window: Optional[int] = None
    output_limit: Optional[int] = None
    capabilities: Optional[Capabilities] = None


class Role(Enum):
    USER = auto()
    ASSISTANT = auto()


@dataclass
class Image:
    media_type: str
    data: bytes


@dataclass
class File:
    media_type: str
    name: Optional[str]
    data: bytes


@dataclass
class ToolUse:
    id: str
    name: str
    arguments: str


@dataclass
class ToolResult:
    id: str
    content: str
    is_error: bool = False


@dataclass
class Part_Text:
    value: str


@dataclass
class Part_Image:
    value: Image


@dataclass
class Part_File:
    value: File


@dataclass
class Part_ToolUse:
    value: ToolUse


@dataclass
class Part_ToolResult:
    value: ToolResult


@dataclass
class Part_Reasoning:
    value: str


@dataclass
class Part_Blob:
    value: bytes


Part = Union[
    Part_Text, Part_Image, Part_File, Part_ToolUse, Part_ToolResult, Part_Reasoning, Part_Blob
]


@dataclass
class Message:
    role: Role
    parts: List[Part]


@dataclass
class Tool:
    name: str
    description: str
    parameters: str
    strict: bool = False


@dataclass
class ToolChoice_Automatic:
    pass


@dataclass
class ToolChoice_None_:
    pass


@dataclass
class ToolChoice_Required:
    pass


@dataclass
class ToolChoice_Named:
    value: str


ToolChoice = Union[ToolChoice_Automatic, ToolChoice_None_, ToolChoice_Required, ToolChoice_Named]


class Effort(Enum):
    OFF = auto()
    MINIMAL = auto()
    LOW = auto()
    MEDIUM = auto()
    HIGH = auto()
    HIGHEST = auto()


class Retention(Enum):
    SHORT = auto()
    LONG = auto()


@dataclass
class CacheHints:
    tools: bool
    system: int
    messages: int
    retention: Retention
    key: Optional[str] = None


@dataclass
class Request:
    model: str
    messages: List[Message]
    system: List[str] = field(default_factory=list)
    tools: List[Tool] = field(default_factory=list)
    tool_choice: ToolChoice = field(default_factory=ToolChoice_Automatic)
    parallel_tools: Optional[bool] = None
    output_schema: Optional[str] = None
    max_tokens: Optional[int] = None
    temperature: Optional[float] = None
    top_p: Optional[float] = None
    stop: List[str] = field(default_factory=list)
    effort: Optional[Effort] = None
    cache: Optional[CacheHints] = None
    user: Optional[str] = None
    document: Optional[str] = None


@dataclass
class Started:
    model: str
    id: str


@dataclass
class ToolStarted:
    id: str
    name: str


@dataclass
class ToolFragment:
    id: str
    fragment: str


@dataclass
class Usage:
    input: Optional[int] = None
    cached_input: Optional[int] = None
    cache_writes: Optional[int] = None
    output: Optional[int] = None
    reasoning: Optional[int] = None


class FinishReason(Enum):
    STOP = auto()
    LENGTH = auto()
    TOOL_USE = auto()
    CONTENT_FILTER = auto()
    REFUSAL = auto()
    PAUSE = auto()
    OTHER = auto()


@dataclass
class Event_Started:
    value: Started


@dataclass
class Event_Text:
    value: str


@dataclass
class Event_Reasoning:
    value: str


@dataclass
class Event_ToolStarted:
    value: ToolStarted


@dataclass
class Event_ToolFragment:
    value: ToolFragment


@dataclass
class Event_ToolFinished:
    value: str


@dataclass
class Event_Blob:
    value: bytes


@dataclass
class Event_Usage:
    value: Usage


@dataclass
class Event_Finish:
    value: FinishReason


Event = Union[
    Event_Started,
    Event_Text,
    Event_Reasoning,
    Event_ToolStarted,
    Event_ToolFragment,
    Event_ToolFinished,
    Event_Blob,
    Event_Usage,
    Event_Finish,
]


class Purpose(Enum):
    DOCUMENT = auto()
    QUERY = auto()


@dataclass
class EmbedRequest:
    model: str
    texts: List[str]
    dimensions: Optional[int] = None
    purpose: Optional[Purpose] = None
    user: Optional[str] = None


@dataclass
class Embeddings:
    model: str
    vectors: List[List[float]]
    usage: Usage


class Answer(Protocol):
    """A running answer."""

    def next(self, max: int) -> List[Event]:
        """Waits for at least one event and gives those that are ready, at most `max`.

        Empty at the end. It is not called again after the end or an error.
        """
        ...

    def close(self) -> None:
        """Closes the upstream connection. May be called twice."""
        ...


class AiProvider:
    """A provider. It keeps no state between requests and never retries: that is the gateway's duty."""

    def describe(self) -> Info:
        """What it is. Pure: no configuration, no network."""
        raise NotImplementedError

    def models(self, config: str) -> List[Model]:
        raise NotImplementedError

    def complete(self, config: str, request: Request) -> Answer:
        """Returns when the upstream has accepted the request, or raises how it refused it."""
        raise NotImplementedError

    def embed(self, config: str, request: EmbedRequest) -> Embeddings:
        """Texts into vectors."""
        raise errors.invalid_request("this provider has no embeddings")


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class EventDecoder(Protocol[T_contra]):
    """What turns an upstream's frames into events."""

    def frame(self, frame: T_contra, events: List[Event]) -> bool:
        """Maps one frame; true when that was all and the rest of the stream is not read.

        Events that were added before it raises are still delivered.
        """
        ...

    def end(self, events: List[Event]) -> None:
        """The stream ended before `frame` said so."""
        ...


class Streamed(Generic[T]):
    """An answer from a stream of frames.

    It waits only when nothing is ready, keeps what is beyond `max`, and delivers what came before an
    error.
    """

    def __init__(self, frames: Frames[T], decoder: EventDecoder[T]) -> None:
        self._frames = frames
        self._decoder = decoder
        self._ready: List[Event] = []
        self._failed: Optional[Exception] = None
        self._done = False

    def next(self, max: int) -> List[Event]:
        if self._failed is None:
            try:
                self._pump(max)
            except Exception as error:  # noqa: BLE001 - raised below, once what came before is given
                self._failed = error
                self._done = True
        if self._done:
            self.close()
        if not self._ready and self._failed is not None:
            raise self._failed
        given, self._ready = self._ready[:max], self._ready[max:]
        return given

    def close(self) -> None:
        self._frames.close()

    def _pump(self, max: int) -> None:
        while True:
            self._decode_ready(max)
            if self._done or self._ready:
                return
            if self._frames.fill():
                continue
            # The end of the body may release a frame that had no end of its own.
            self._decode_ready(None)
            if not self._done:
                self._done = True
                self._decoder.end(self._ready)
            return

    def _decode_ready(self, max: Optional[int]) -> None:
        while not self._done and (max is None or len(self._ready) < max):
            frame = self._frames.ready()
            if frame is None:
                return
            self._done = self._decoder.frame(frame, self._ready)
