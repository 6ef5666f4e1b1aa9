"""The component's entry: it gives the provider the real host. Everything else runs natively too."""

from chat.provider import ChatProvider
from labd.wasm import ai_provider

Provider = ai_provider(ChatProvider)
