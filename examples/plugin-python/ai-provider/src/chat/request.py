"""labd's request → the API's body."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Dict, List

from labd import ai
from labd.ai import Message, Part, Part_Image, Part_Text, Part_ToolResult, Part_ToolUse, Request, Tool
from labd.errors import invalid_request

# Where the API's word is another than labd's.
EFFORTS = {"OFF": "none", "HIGHEST": "xhigh"}


def to_body(request: Request) -> Dict[str, Any]:
    body: Dict[str, Any] = {
        "model": request.model,
        "messages": _messages(request),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        choice = request.tool_choice
        if isinstance(choice, ai.ToolChoice_Named):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.value}}
        elif isinstance(choice, ai.ToolChoice_None_):
            body["tool_choice"] = "none"
        elif isinstance(choice, ai.ToolChoice_Required):
            body["tool_choice"] = "required"
    if request.output_schema is not None:
        schema = _schema(request.output_schema, "the output")
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    settings = {
        "parallel_tool_calls": request.parallel_tools if request.tools else None,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop or None,
        "user": request.user,
    }
    if request.effort is not None:
        effort = request.effort.name
        settings["reasoning_effort"] = EFFORTS.get(effort, effort.lower())
    # What is none is not set.
    body.update({name: value for name, value in settings.items() if value is not None})
    return body


def _tool(tool: Tool) -> Dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": _schema(tool.parameters, f"the tool {tool.name}"),
    }
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _schema(text: str, of: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid_request(f"the JSON Schema of {of} is no JSON: {error}") from None


def _messages(request: Request) -> List[Dict[str, Any]]:
    messages: List[Dict[str, Any]] = []
    if request.system:
        messages.append({"role": "system", "content": "\n\n".join(request.system)})
    for message in request.messages:
        messages += _user(message) if message.role is ai.Role.USER else _assistant(message)
    return messages


def _user(message: Message) -> List[Dict[str, Any]]:
    """Results of tools are messages of their own, right after the calls that they answer."""
    messages: List[Dict[str, Any]] = []
    content: List[Dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, Part_ToolResult):
            text = ("Error: " if part.value.is_error else "") + part.value.content
            messages.append({"role": "tool", "tool_call_id": part.value.id, "content": text})
        elif isinstance(part, Part_Text):
            content.append({"type": "text", "text": part.value})
        elif isinstance(part, Part_Image):
            data = b64encode(part.value.data).decode()
            url = f"data:{part.value.media_type};base64,{data}"
            content.append({"type": "image_url", "image_url": {"url": url}})
    if content:
        # Many servers take a plain text only.
        plain = all(one["type"] == "text" for one in content)
        told = "\n\n".join(_texts(message.parts)) if plain else content
        messages.append({"role": "user", "content": told})
    return messages


def _assistant(message: Message) -> List[Dict[str, Any]]:
    content = "".join(_texts(message.parts))
    calls = [
        {
            "id": part.value.id,
            "type": "function",
            "function": {"name": part.value.name, "arguments": part.value.arguments},
        }
        for part in message.parts
        if isinstance(part, Part_ToolUse)
    ]
    if calls:
        return [{"role": "assistant", "content": content or None, "tool_calls": calls}]
    return [{"role": "assistant", "content": content}] if content else []


def _texts(parts: List[Part]) -> List[str]:
    return [part.value for part in parts if isinstance(part, Part_Text)]
