"""What a program written with OpenAI's own library for Python does, against a daemon.

LABD_URL is the daemon's /v1, LABD_TOKEN a token of it, LABD_MODEL the model to ask, and
LABD_EMBED_MODEL, where the provider has one, the model for embeddings. The models say what
tests/tests/daemon/openai/sdks.rs scripts them to.
"""

import json
import os

import openai
from openai import OpenAI

URL, TOKEN, MODEL = (os.environ[name] for name in ("LABD_URL", "LABD_TOKEN", "LABD_MODEL"))
EMBED_MODEL = os.environ.get("LABD_EMBED_MODEL")

client = OpenAI(base_url=URL, api_key=TOKEN, max_retries=0, timeout=60)

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def models():
    listed = [model.id for model in client.models.list()]
    assert MODEL in listed, listed
    assert client.models.retrieve(MODEL).id == MODEL


def chat():
    told = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Say hello."},
        ],
    )
    [choice] = told.choices
    assert choice.message.content == "Grüße 😀", told
    assert choice.finish_reason == "stop", told
    assert told.usage.prompt_tokens == 11 and told.usage.completion_tokens == 7, told.usage
    assert told.usage.total_tokens == 18, told.usage


def chat_streamed():
    stream = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Say hello."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    text, finish, usage = "", None, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert (text, finish) == ("Grüße 😀", "stop"), (text, finish)
    assert usage.total_tokens == 18, usage


def chat_tools():
    tools = [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tells it.",
                "parameters": PARAMETERS,
                # The library's helper for streams wants it.
                "strict": True,
            },
        }
    ]
    messages = [{"role": "user", "content": "Look at the weather."}]
    for streamed in (False, True):
        if streamed:
            with client.chat.completions.stream(
                model=MODEL, messages=messages, tools=tools
            ) as stream:
                told = stream.get_final_completion()
        else:
            told = client.chat.completions.create(model=MODEL, messages=messages, tools=tools)
        [choice] = told.choices
        assert choice.finish_reason == "tool_calls", told
        [call] = choice.message.tool_calls
        assert call.function.name == "weather", told
        assert json.loads(call.function.arguments) == {"city": "Köln"}, told
    messages += [
        choice.message.model_dump(exclude_none=True, exclude={"parsed"}),
        {"role": "tool", "tool_call_id": call.id, "content": "Rain: 7 °C"},
    ]
    told = client.chat.completions.create(model=MODEL, messages=messages, tools=tools)
    assert told.choices[0].message.content == "Take an umbrella.", told


def responses():
    told = client.responses.create(model=MODEL, instructions="Be brief.", input="Say hello.")
    assert told.output_text == "Grüße 😀", told
    assert told.status == "completed", told
    assert told.usage.total_tokens == 18, told.usage


def responses_streamed():
    kinds, text, final = [], "", None
    for event in client.responses.create(model=MODEL, input="Say hello.", stream=True):
        assert event.sequence_number == len(kinds), event
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.completed":
            final = event.response
    assert kinds[:2] == ["response.created", "response.in_progress"], kinds
    assert kinds[-1] == "response.completed", kinds
    assert text == final.output_text == "Grüße 😀", final
    # The library's own helper builds the response from the events, and checks their order.
    with client.responses.stream(model=MODEL, input="Say hello.") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "Grüße 😀"


def responses_tools():
    tools = [
        {
            "type": "function",
            "name": "weather",
            "description": "Tells it.",
            "parameters": PARAMETERS,
            "strict": True,
        }
    ]
    conversation = [{"role": "user", "content": "Look at the weather."}]
    told = client.responses.create(model=MODEL, input=conversation, tools=tools)
    [call] = [item for item in told.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Köln"}), told
    conversation += [item.model_dump(exclude_none=True) for item in told.output]
    conversation.append(
        {"type": "function_call_output", "call_id": call.call_id, "output": "Rain: 7 °C"}
    )
    told = client.responses.create(model=MODEL, input=conversation, tools=tools)
    assert told.output_text == "Take an umbrella.", told


def embeddings():
    if EMBED_MODEL is None:
        return
    # The library asks for base64 when nothing is said.
    for extra in ({}, {"encoding_format": "float"}):
        told = client.embeddings.create(model=EMBED_MODEL, input=["one", "two"], **extra)
        vectors = [one.embedding for one in told.data]
        assert vectors == [[0.25, -0.5], [1.0, 2.0]], vectors


def raises(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def errors():
    def ask(key=TOKEN, model=MODEL, text="Say hello.", **extra):
        other = OpenAI(base_url=URL, api_key=key, max_retries=0, timeout=60)
        messages = [{"role": "user", "content": text}]
        return other.chat.completions.create(model=model, messages=messages, **extra)

    error = raises(openai.AuthenticationError, lambda: ask(key="labd_wrong_key"))
    assert error.code == "invalid_api_key", error
    for extra in ({}, {"stream": True}):
        error = raises(openai.RateLimitError, lambda: ask(text="Limit me.", **extra))
        assert error.response.headers["retry-after"] == "7", error.response.headers
    error = raises(openai.BadRequestError, lambda: ask(n=2))
    assert error.param == "n", error
    error = raises(
        openai.BadRequestError,
        lambda: client.responses.create(model=MODEL, input="x", previous_response_id="resp_1"),
    )
    assert error.param == "previous_response_id", error
    raises(openai.NotFoundError, lambda: client.models.retrieve("nothing"))
    # An answer that breaks off is an error of the library's too, wherever it does: what came right
    # before may be told, or be lost with it.
    text = ""

    def broken(begin):
        nonlocal text
        for chunk in begin():
            text += chunk.choices[0].delta.content or ""

    raises(openai.APIError, lambda: broken(lambda: ask(text="Break off.", stream=True)))
    assert text in ("", "So far"), text
    begin = lambda: client.responses.create(model=MODEL, input="Break off.", stream=True)
    raises(openai.APIError, lambda: list(begin()))


for step in (
    models,
    chat,
    chat_streamed,
    chat_tools,
    responses,
    responses_streamed,
    responses_tools,
    embeddings,
    errors,
):
    step()
    print(step.__name__, "ok", flush=True)
