import json
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent.parent
sys.path[:0] = [str(HERE / "src"), str(HERE / ".labd/sdk")]

from chat.provider import ChatProvider  # noqa: E402
from labd import ai, errors  # noqa: E402
from labd.ai import Event_Finish, Event_Text, FinishReason  # noqa: E402
from labd.errors import PluginError  # noqa: E402
from labd.testing import FakeHost, every_split  # noqa: E402

CONFIG = '{"base-url":"http://ai.example/v1/"}'
HELLO = ai.Message(ai.Role.USER, [ai.Part_Text("Hello")])


def answer(host, request=None):
    """Events until the end, and the error that ended them."""
    events = []
    try:
        completion = ChatProvider(host).complete(CONFIG, request or ai.Request("m", [HELLO]))
        while batch := completion.next(64):
            events += batch
    except PluginError as error:
        return events, error.error
    return events, None


def chunk(choice=None, **more):
    choices = [{"index": 0, **choice}] if choice else []
    return f"data: {json.dumps({'id': 'c1', 'model': 'm-1', 'choices': choices, **more})}\n\n"


def text(content):
    return chunk({"delta": {"content": content}})


def call(index, id, name, arguments):
    function = {"name": name, "arguments": arguments}
    return chunk({"delta": {"tool_calls": [{"index": index, "id": id, "function": function}]}})


def finish(reason):
    return chunk({"delta": {}, "finish_reason": reason})


class Provider(unittest.TestCase):
    def test_a_text_is_streamed_however_its_bytes_were_split(self):
        usage = {
            "prompt_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens": 2,
        }
        stream = f": hi\r\n\r\n{text('Grö')}{text('ße 😀')}{finish('stop')}{chunk(usage=usage)}data: [DONE]\n\n"
        for pieces in every_split(stream):
            events, error = answer(FakeHost().respond(200, pieces))
            self.assertIsNone(error)
            self.assertEqual(
                events,
                [
                    ai.Event_Started(ai.Started("m-1", "c1")),
                    Event_Text("Grö"),
                    Event_Text("ße 😀"),
                    ai.Event_Usage(ai.Usage(input=9, cached_input=4, output=2)),
                    Event_Finish(FinishReason.STOP),
                ],
            )

    def test_tools_are_asked_for_called_and_answered(self):
        host = FakeHost().respond(
            200,
            [
                call(0, "a", "rain", "") + call(0, None, None, '{"city"') + call(0, None, None, ':"Ulm"}'),
                call(1, "b", "now", "") + finish("tool_calls"),
            ],
        )
        request = ai.Request(
            "m",
            [
                ai.Message(
                    ai.Role.USER,
                    [ai.Part_Text("Hi"), ai.Part_Image(ai.Image("image/png", b"\x01\x02\x03"))],
                ),
                ai.Message(ai.Role.ASSISTANT, [ai.Part_ToolUse(ai.ToolUse("x", "rain", "{}"))]),
                ai.Message(ai.Role.USER, [ai.Part_ToolResult(ai.ToolResult("x", "no", True))]),
            ],
            system=["Be brief."],
            tools=[ai.Tool("rain", "Tells.", '{"type":"object"}', strict=True)],
            tool_choice=ai.ToolChoice_Named("rain"),
            parallel_tools=False,
            output_schema='{"type":"string"}',
            max_tokens=5,
            temperature=0.0,
            top_p=0.5,
            stop=["END"],
            effort=ai.Effort.HIGHEST,
            user="u-7",
        )
        events, error = answer(host, request)
        self.assertIsNone(error)
        self.assertEqual(
            events[1:],
            [
                ai.Event_ToolStarted(ai.ToolStarted("a", "rain")),
                ai.Event_ToolFragment(ai.ToolFragment("a", '{"city"')),
                ai.Event_ToolFragment(ai.ToolFragment("a", ':"Ulm"}')),
                ai.Event_ToolStarted(ai.ToolStarted("b", "now")),
                ai.Event_ToolFinished("a"),
                ai.Event_ToolFragment(ai.ToolFragment("b", "{}")),
                ai.Event_ToolFinished("b"),
                Event_Finish(FinishReason.TOOL_USE),
            ],
        )
        self.assertEqual(host.requests[0].url, "http://ai.example/v1/chat/completions")
        function = {"name": "rain", "description": "Tells.", "parameters": {"type": "object"}, "strict": True}
        self.assertEqual(
            host.requests[0].json(),
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "Hi"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "x", "type": "function", "function": {"name": "rain", "arguments": "{}"}}
                        ],
                    },
                    {"role": "tool", "tool_call_id": "x", "content": "Error: no"},
                ],
                "stream": True,
                "stream_options": {"include_usage": True},
                "tools": [{"type": "function", "function": function}],
                "tool_choice": {"type": "function", "function": {"name": "rain"}},
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "string"}, "strict": True},
                },
                "parallel_tool_calls": False,
                "max_tokens": 5,
                "temperature": 0.0,
                "top_p": 0.5,
                "stop": ["END"],
                "user": "u-7",
                "reasoning_effort": "xhigh",
            },
        )

    def test_an_answer_that_is_cut_is_unavailable_and_what_had_come_is_kept(self):
        events, error = answer(FakeHost().respond(200, [text("half")]))
        self.assertEqual((len(events), type(error)), (2, errors.Error_Unavailable))
        busy = 'data: {"error":{"message":"busy","type":"overloaded_error"}}\n\n'
        events, error = answer(FakeHost().respond(200, [text("half"), busy]))
        self.assertEqual((len(events), error), (2, errors.Error_Overloaded()))

    def test_each_refusal_has_its_error(self):
        def refused(status, body, **headers):
            pairs = {name.replace("_", "-"): value for name, value in headers.items()}
            return answer(FakeHost().respond(status, [body], pairs))[1]

        def error(**more):
            return json.dumps({"error": {"message": "why", **more}})

        self.assertIsInstance(refused(401, "Unauthorized"), errors.Error_Unauthenticated)
        self.assertIsInstance(refused(400, error(code="invalid_api_key")), errors.Error_Unauthenticated)
        self.assertEqual(refused(429, error(), retry_after="2"), errors.Error_RateLimited(2000))
        self.assertIsInstance(refused(429, error(code="insufficient_quota")), errors.Error_InvalidRequest)
        self.assertEqual(refused(404, error(code="model_not_found")).value.code, "model_not_found")
        self.assertEqual(refused(503, ""), errors.Error_Overloaded())
        self.assertEqual(refused(500, "<html>nginx").value.message, "the server answered with a web page")
        self.assertIsInstance(refused(500, '["x"]'), errors.Error_Unavailable)

    def test_models_are_listed_by_their_id(self):
        data = [{"id": "b", "context_length": 8192}, {"id": "a", "name": "A"}, {}]
        host = FakeHost().respond_json(200, {"data": data})
        self.assertEqual(
            ChatProvider(host).models(CONFIG),
            [ai.Model("a", "A"), ai.Model("b", "b", context_window=8192)],
        )
        self.assertEqual(host.requests[0].url, "http://ai.example/v1/models")

    def test_a_wrong_configuration_names_its_key_and_asks_nobody(self):
        host = FakeHost()
        with self.assertRaisesRegex(PluginError, "`base-url` is required"):
            ChatProvider(host).models("{}")
        self.assertEqual(host.requests, [])


if __name__ == "__main__":
    unittest.main()
