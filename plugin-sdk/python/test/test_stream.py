import unittest

from labd.errors import PluginError
from labd.http import request
from labd.stream import NdjsonDecoder, SseDecoder, SseEvent, read_ndjson
from labd.testing import FakeHost, every_split


def decode(decoder, pieces):
    frames = []
    for piece in pieces:
        decoder.push(piece)
        while (frame := decoder.next()) is not None:
            frames.append(frame)
    decoder.end()
    while (frame := decoder.next()) is not None:
        frames.append(frame)
    return frames


class Streams(unittest.TestCase):
    def test_every_split_of_an_event_stream_gives_the_same_events(self):
        stream = (
            "\ufeff: comment\r\nevent: first\ndata: grö\ndata:ße 😀\nid: 7\n\n"
            "data\r\n\r\nretry: 5\runknown: x\rdata: cr\r\r: ping\n\ndata:  two\r\n\r\ndata: cut"
        )
        expected = [
            SseEvent("first", "grö\nße 😀", "7"),
            SseEvent("", "", "7"),
            SseEvent("", "cr", "7"),
            SseEvent("", " two", "7"),
            SseEvent("", "cut", "7"),
        ]
        for pieces in every_split(stream):
            self.assertEqual(decode(SseDecoder(), pieces), expected, pieces)

    def test_every_split_of_lines_of_json_gives_the_same_values(self):
        for pieces in every_split('{"a":"ä"}\r\n\n  \n[1,2]\n{"last":true}'):
            self.assertEqual(decode(NdjsonDecoder(), pieces), [{"a": "ä"}, [1, 2], {"last": True}])

    def test_what_is_beyond_the_limit_is_refused_before_it_fills_the_memory(self):
        for decoder, data in [
            (SseDecoder(50), b"data: " + b"x" * 100),
            (SseDecoder(50), b"data: 0123456789\n" * 4),
            (NdjsonDecoder(5), b'"0123456789"\n'),
            (NdjsonDecoder(), b"{oops}\n"),
        ]:
            with self.assertRaises(PluginError) as caught:
                decode(decoder, [data])
            self.assertEqual(type(caught.exception.error).__name__, "Error_Unavailable")

    def test_frames_are_read_from_a_body_to_its_end(self):
        host = FakeHost().respond(200, ['{"a":1}\n{"a"', ":2}"])
        frames = read_ndjson(request(host, "http://x").body)
        self.assertEqual([frames.next() for _ in range(4)], [{"a": 1}, {"a": 2}, None, None])
        self.assertTrue(host.bodies[0].closed)


if __name__ == "__main__":
    unittest.main()
