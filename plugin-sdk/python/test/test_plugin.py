import unittest
from decimal import Decimal

from labd import ai, config, connector, errors
from labd.config import Key
from labd.connector import ValueKind
from labd.errors import PluginError
from labd.http import request
from labd.stream import read_sse
from labd.testing import FakeHost


class Words:
    def frame(self, frame, events):
        if frame.data == "[DONE]":
            return True
        if frame.data == "overloaded":
            events.append(ai.Event_Text("last"))
            raise errors.overloaded()
        if frame.data == "bug":
            raise TypeError("boom")
        events.extend(ai.Event_Text(word) for word in frame.data.split(" "))
        return False

    def end(self, events):
        raise errors.unavailable("cut")


def drain(pieces, max):
    host = FakeHost().respond(200, pieces)
    answer = ai.Streamed(read_sse(request(host, "http://x").body), Words())
    batches = []
    try:
        while batch := answer.next(max):
            batches.append(" ".join(event.value for event in batch))
    except Exception as error:
        return batches, error
    finally:
        closed = host.bodies[0].closed
    return batches, closed


class Answers(unittest.TestCase):
    def test_what_is_ready_is_given_at_once_and_what_is_too_much_is_kept(self):
        pieces = ["data: a b c\n\n", "data: d\n\ndata: e\n\n", "data: [DONE]\n\n"]
        self.assertEqual(drain(pieces, 2), (["a b", "c", "d e"], True))

    def test_what_came_before_an_error_is_delivered_first(self):
        batches, error = drain(["data: a\n\ndata: overloaded\n\ndata: b\n\n"], 16)
        self.assertEqual((batches, error.error), (["a last"], errors.Error_Overloaded()))

    def test_a_programming_error_becomes_internal_and_its_traceback_goes_to_the_log(self):
        _, error = drain(["data: bug\n\n"], 16)
        lines = []
        told = errors.as_plugin_error(error, lines.append).error
        self.assertEqual(told, errors.Error_Internal("the plugin failed: TypeError: boom"))
        self.assertIn("test_plugin.py", lines[0])

    def test_a_stream_that_is_cut_says_so(self):
        batches, error = drain(["data: a\n\n"], 16)
        self.assertEqual((batches, str(error)), (["a"], "cut"))

    def test_a_provider_without_embeddings_refuses_them(self):
        with self.assertRaises(PluginError) as caught:
            ai.AiProvider().embed("", ai.EmbedRequest("m", ["a"]))
        self.assertIsInstance(caught.exception.error, errors.Error_InvalidRequest)


class Configuration(unittest.TestCase):
    def test_it_is_read_and_a_wrong_one_names_its_key(self):
        keys = {
            "base-url": Key("url", required=True),
            "tries": Key("integer", minimum=1, maximum=3, default=2),
            "fast": Key("boolean"),
        }
        read = config.parse('{"base-url":"http://x","fast":true}', keys)
        self.assertEqual(read, {"base-url": "http://x", "tries": 2, "fast": True})
        for text, key in [
            ("{}", "base-url"),
            ('{"base-url":7}', "base-url"),
            ('{"base-url":"ftp://x"}', "base-url"),
            ('{"base-url":"http://x","tries":4}', "tries"),
            ('{"base-url":"http://x","tries":1.5}', "tries"),
            ('{"base-url":"http://x","tries":true}', "tries"),
            ('{"base-url":"http://x","fast":"false"}', "fast"),
            ('{"base-url":"http://x","Fast":true}', "Fast"),
            ("[]", "JSON object"),
            ("{", "JSON"),
        ]:
            with self.assertRaises(PluginError) as caught:
                config.parse(text, keys)
            self.assertIsInstance(caught.exception.error, errors.Error_InvalidRequest)
            self.assertIn(key, str(caught.exception))


class Batches(unittest.TestCase):
    def test_rows_become_columns_with_a_mask_of_nulls(self):
        kinds = [ValueKind.INTEGER, ValueKind.DECIMAL, ValueKind.BOOLEAN, ValueKind.DATE]
        batch = connector.to_batch(
            kinds, [[2**60, Decimal("1.10"), True, "2024-05-31"], [None, None, None, None]]
        )
        self.assertEqual(batch.rows, 2)
        self.assertEqual([column.nulls for column in batch.columns], [b"\x02"] * 4)
        self.assertEqual(
            [column.values for column in batch.columns],
            [
                connector.Values_Integers([2**60, 0]),
                connector.Values_Decimals(["1.10", "0"]),
                connector.Values_Booleans([True, False]),
                connector.Values_Texts(["2024-05-31", ""]),
            ],
        )
        exact = connector.to_batch([ValueKind.INTEGER, ValueKind.DECIMAL], [[2**63, Decimal("1E+2")]])
        values = [column.values.value for column in exact.columns]
        self.assertEqual(values, [["9223372036854775808"], ["100"]])
        many = connector.to_batch([ValueKind.TEXT], [["x"]] * 8 + [[None]])
        self.assertEqual(many.columns[0].nulls, b"\x00\x01")


if __name__ == "__main__":
    unittest.main()
