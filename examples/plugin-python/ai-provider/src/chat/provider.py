"""The provider."""

from __future__ import annotations

from typing import Any, List

from labd import config as labd_config
from labd import http
from labd.ai import AiProvider, Answer, Capabilities, Info, Model, Request, Streamed
from labd.config import Key
from labd.host import Host
from labd.stream import read_sse

from . import faults
from .request import to_body
from .stream import ChatDecoder

# The most bytes of a list of models.
MODELS_LIMIT = 4 * 1024 * 1024

CONFIG = {"base-url": Key("url", required=True)}


class ChatProvider(AiProvider):
    def __init__(self, host: Host) -> None:
        self._host = host

    def describe(self) -> Info:
        return Info(
            name="Chat Completions (Python)",
            description="Any server that speaks the Chat Completions API.",
            capabilities=Capabilities.TOOLS
            | Capabilities.STRICT_TOOLS
            | Capabilities.IMAGES
            | Capabilities.STRUCTURED_OUTPUT
            | Capabilities.REASONING,
        )

    def models(self, config: str) -> List[Model]:
        response = self._ask(_address(config, "/models"), headers={"accept": "application/json"})
        answer = response.json(MODELS_LIMIT)
        listed = answer.get("data") if isinstance(answer, dict) else None
        models = [
            Model(
                id=one["id"],
                name=one.get("name") or one["id"],
                context_window=_count(one.get("context_length")),
            )
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        ]
        return sorted(models, key=lambda model: model.id)

    def complete(self, config: str, request: Request) -> Answer:
        response = self._ask(
            _address(config, "/chat/completions"),
            headers={"accept": "text/event-stream"},
            json=to_body(request),
        )
        return Streamed(read_sse(response.body), ChatDecoder(request.model))

    def _ask(self, url: str, **options: Any) -> http.Response:
        """Sends a request; an answer that is an error is raised here."""
        response = http.request(self._host, url, **options)
        if not response.ok:
            raise faults.of_response(response, self._host.now)
        return response


def _address(config: str, path: str) -> str:
    base: str = labd_config.parse(config, CONFIG)["base-url"]
    return base.strip().rstrip("/") + path


def _count(value: Any) -> Any:
    return value if isinstance(value, int) and 0 <= value < 2**32 else None
