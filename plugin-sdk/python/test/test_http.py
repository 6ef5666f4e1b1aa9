import unittest

from labd import errors
from labd.errors import Fault, PluginError
from labd.http import Response, request, retry_after, status_error
from labd.testing import FakeBody, FakeHost


def answer(status, **headers):
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, pairs, FakeBody([]))


class Http(unittest.TestCase):
    def test_a_request_carries_its_json_and_its_headers(self):
        host = FakeHost().respond_json(200, {"a": 1}, {"x-id": "7"})
        response = request(host, "http://x/y", headers={"accept": "*/*"}, json={"q": "ä"}, timeout=5)
        self.assertEqual((response.ok, response.header("x-id"), response.json(100)), (True, "7", {"a": 1}))
        sent = host.requests[0]
        self.assertEqual((sent.method, sent.url, sent.timeout), ("POST", "http://x/y", 5))
        self.assertEqual(sent.headers, [("accept", "*/*"), ("content-type", "application/json")])
        self.assertEqual(sent.json(), {"q": "ä"})

    def test_a_body_is_read_whole_within_its_limit(self):
        host = FakeHost().respond(200, ["0123", "456789"]).respond(200, ["{"])
        host.respond(500, ["half", errors.unavailable("cut")])
        with self.assertRaisesRegex(PluginError, "larger than 5 bytes"):
            request(host, "http://x").bytes(5)
        with self.assertRaises(PluginError):
            request(host, "http://x").json(5)
        self.assertEqual(request(host, "http://x").error_text(), "half")
        self.assertEqual(host.requests[0].method, "GET")
        self.assertTrue(all(body.closed for body in host.bodies))

    def test_each_status_has_its_error(self):
        fault = Fault("why", code="c")

        def of(status):
            return status_error(answer(status, retry_after="3"), fault, lambda: 0).error

        self.assertEqual(of(401), errors.Error_Unauthenticated(fault))
        self.assertEqual(of(404), errors.Error_NotFound(fault))
        self.assertEqual(of(408), errors.Error_Timeout())
        self.assertEqual(of(409), errors.Error_Conflict(fault))
        self.assertEqual(of(422), errors.Error_InvalidRequest(fault))
        self.assertEqual(of(429), errors.Error_RateLimited(3000))
        self.assertEqual(of(500), errors.Error_Unavailable(fault))
        self.assertEqual(of(503), errors.Error_RateLimited(3000))
        overloaded = status_error(answer(529), fault, lambda: 0).error
        self.assertEqual(overloaded, errors.Error_Overloaded())
        self.assertIn("redirects", of(302).value.hint)

    def test_a_wait_is_read_in_each_form_that_servers_send(self):
        now = FakeHost().now
        self.assertEqual(retry_after(answer(429, retry_after_ms="1500"), now), 1500)
        for text, expected in [
            ("2", 2000),
            ("0.25", 250),
            ("Mon, 01 Jan 2024 00:01:00 GMT", 60_000),
            ("Sun, 31 Dec 2023 23:59:00 GMT", 0),
            ("99999999999", 0xFFFFFFFF),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("NaN", None),
            ("2024-01-01", None),
            ("Mon, 99 Jan 2024 00:01:00 GMT", None),
        ]:
            self.assertEqual(retry_after(answer(429, retry_after=text), now), expected, text)

    def test_a_host_that_refuses_is_heard(self):
        host = FakeHost().fail(errors.timeout())
        with self.assertRaises(PluginError) as caught:
            request(host, "http://x")
        self.assertEqual(caught.exception.error, errors.Error_Timeout())


if __name__ == "__main__":
    unittest.main()
