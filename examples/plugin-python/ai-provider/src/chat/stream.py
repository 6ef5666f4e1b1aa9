"""The API's chunks → labd's events.

Servers leave out fields, send them empty, or end a stream in their own way; whatever can be
understood is. The finish is told once everything before it is: at `[DONE]`, or at the end of the
stream. A stream that ends without saying why is `unavailable`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from labd.ai import (
    Event,
    Event_Finish,
    Event_Reasoning,
    Event_Started,
    Event_Text,
    Event_ToolFinished,
    Event_ToolFragment,
    Event_ToolStarted,
    Event_Usage,
    FinishReason,
    Started,
    ToolFragment,
    ToolStarted,
    Usage,
)
from labd.errors import unavailable
from labd.stream import SseEvent

from . import faults

REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_USE,
    "function_call": FinishReason.TOOL_USE,
    "content_filter": FinishReason.CONTENT_FILTER,
}


@dataclass
class Call:
    """A call of a tool that is arriving."""

    index: int
    id: str
    has_arguments: bool = False


class ChatDecoder:
    def __init__(self, model: str) -> None:
        """`model`: the one that was asked for, unless the stream names another."""
        self._model = model
        self._started = False
        self._calls: List[Call] = []
        self._finish: Optional[FinishReason] = None

    def frame(self, frame: SseEvent, events: List[Event]) -> bool:
        if frame.data.strip() == "[DONE]":
            self.end(events)
            return True
        try:
            chunk = json.loads(frame.data)
        except ValueError as error:
            raise unavailable(f"the stream holds something that is no JSON: {error}") from None
        if failure := faults.in_stream(chunk):
            raise failure
        if not self._started:
            self._started = True
            started = Started(chunk.get("model") or self._model, chunk.get("id") or "")
            events.append(Event_Started(started))
        if choices := chunk.get("choices"):
            self._delta(choices[0].get("delta") or {}, events)
            if reason := choices[0].get("finish_reason"):
                self._finish = REASONS.get(reason, FinishReason.OTHER)
        if usage := chunk.get("usage"):
            events.append(Event_Usage(_usage(usage)))
        return False

    def end(self, events: List[Event]) -> None:
        if self._finish is None:
            raise unavailable("the stream ended before the model had finished")
        for call in self._calls:
            if not call.has_arguments:
                # A call without arguments is a call with none.
                events.append(Event_ToolFragment(ToolFragment(call.id, "{}")))
            events.append(Event_ToolFinished(call.id))
        # Some say `stop` after a call, too.
        called = self._finish is FinishReason.STOP and self._calls
        events.append(Event_Finish(FinishReason.TOOL_USE if called else self._finish))

    def _delta(self, delta: Dict[str, Any], events: List[Event]) -> None:
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(reasoning, str):
            events.append(Event_Reasoning(reasoning))
        content = delta.get("content")
        if isinstance(content, str) and content:
            events.append(Event_Text(content))
        for part in delta.get("tool_calls") or []:
            self._call(part, events)

    def _call(self, part: Dict[str, Any], events: List[Event]) -> None:
        index, id = part.get("index") or 0, part.get("id")
        function = part.get("function") or {}
        # Another id under the same index is another call: some servers number all of them 0.
        known = (call for call in reversed(self._calls) if call.index == index and id in (None, "", call.id))
        call = next(known, None)
        if call is None:
            if not function.get("name"):
                return
            call = Call(index, id or f"call_{len(self._calls)}")
            self._calls.append(call)
            events.append(Event_ToolStarted(ToolStarted(call.id, function["name"])))
        fragment = function.get("arguments")
        if isinstance(fragment, str) and fragment:
            call.has_arguments = True
            events.append(Event_ToolFragment(ToolFragment(call.id, fragment)))


def _usage(told: Dict[str, Any]) -> Usage:
    """A count that the server does not tell is not guessed."""

    def count(name: str, within: str = "") -> Optional[int]:
        place = told.get(within) if within else told
        value = place.get(name) if isinstance(place, dict) else None
        return value if isinstance(value, int) and 0 <= value < 2**32 else None

    return Usage(
        input=count("prompt_tokens"),
        cached_input=count("cached_tokens", "prompt_tokens_details"),
        output=count("completion_tokens"),
        reasoning=count("reasoning_tokens", "completion_tokens_details"),
    )
