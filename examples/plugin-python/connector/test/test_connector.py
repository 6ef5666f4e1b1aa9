import json
import sys
import unittest
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).parent.parent
sys.path[:0] = [str(HERE / "src"), str(HERE / ".labd/sdk")]

from labd import connector as labd  # noqa: E402
from labd import errors  # noqa: E402
from labd.connector import (  # noqa: E402
    Param_Integer,
    Param_Null,
    Param_Text,
    Param_Typed,
    QueryOptions,
    TypedText,
    ValueKind,
)
from labd.errors import PluginError  # noqa: E402
from labd.testing import FakeHost  # noqa: E402
from rest.connector import RestConnector  # noqa: E402

ORDERS = {
    "name": "orders",
    "comment": "What was sold",
    "row_estimate": 3,
    "primary_key": ["id"],
    "columns": [
        {"name": "id", "type": "integer", "nullable": False},
        {"name": "total", "type": "decimal"},
        {"name": "country", "type": "text", "comment": "ISO 3166", "values": ["DE", "FR"]},
        {"name": "paid", "type": "boolean"},
        {"name": "photo", "type": "binary"},
        {"name": "extra", "type": "json"},
        {"name": "place", "type": "geometry"},
    ],
    "foreign_keys": [
        {"columns": ["country"], "table": "countries", "referenced_columns": ["code"]}
    ],
}


def options(max_rows=100, max_bytes=1 << 20):
    return QueryOptions(read_only=True, timeout=5000, max_rows=max_rows, max_bytes=max_bytes)


def connect():
    """A connection to an API that answers from a script."""
    host = FakeHost().respond_json(200, {"product": "Shop API 1.2", "user": "reports"})
    config = labd.Config(base_url="http://api.example/v1/", database="v1")
    return host, RestConnector(host).open(config)


def rows_of(batch):
    """The values of a batch, row by row; a null row as none."""

    def cell(column, row):
        null = column.nulls and column.nulls[row >> 3] & (1 << (row & 7))
        return None if null else column.values.value[row]

    return [[cell(column, row) for column in batch.columns] for row in range(batch.rows)]


class Connector(unittest.TestCase):
    def failure(self, work):
        with self.assertRaises(PluginError) as caught:
            work()
        return caught.exception.error

    def test_a_statement_becomes_the_query_parameters_of_the_api(self):
        host, connection = connect()
        host.respond_json(200, ORDERS).respond_json(200, {"rows": [["12.50", 7]], "next": None})
        rows = connection.query(
            "SELECT total AS amount, Orders.id FROM orders "
            'WHERE country = $1 AND "paid" = TRUE -- so far\n ORDER BY total DESC, id LIMIT 10;',
            [Param_Text("D&E ä")],
            options(),
        )
        self.assertEqual(
            [unquote(request.url) for request in host.requests],
            [
                "http://api.example/v1/",
                "http://api.example/v1/tables/orders",
                "http://api.example/v1/tables/orders/rows?columns=total,id&eq.country=D&E ä"
                "&eq.paid=true&order=total.desc,id.asc&limit=10",
            ],
        )
        self.assertIn("eq.country=D%26E%20%C3%A4&", host.requests[2].url)
        self.assertEqual(host.requests[2].timeout, 5000)
        self.assertEqual(
            rows.columns,
            [
                labd.Column("amount", "decimal", ValueKind.DECIMAL),
                labd.Column("id", "integer", ValueKind.INTEGER),
            ],
        )
        self.assertEqual(rows_of(rows.first), [["12.50", 7]])
        self.assertIsNone(rows.rest)

    def test_every_value_arrives_exactly(self):
        host, connection = connect()
        host.respond_json(200, ORDERS).respond(
            200,
            [
                '{"rows":[[9007199254740993,"0.10","DE",true,"AQI=",{"a":[1]},"POINT(1 2)"],',
                "[null,null,null,null,null,null,null],",
                '[1,12345678901234567890.25,"",false,"",[1.5,0.1234567890123456789],""]]}',
            ],
        )
        first = connection.query("SELECT * FROM orders", [], options()).first
        self.assertEqual(
            rows_of(first),
            [
                [9007199254740993, "0.10", "DE", True, b"\x01\x02", '{"a":[1]}', "POINT(1 2)"],
                [None] * 7,
                [1, "12345678901234567890.25", "", False, b"", '[1.5,"0.1234567890123456789"]', ""],
            ],
        )
        for wrong in [["x"], [True], [1.5]]:
            host.respond_json(200, {"rows": [wrong + [None] * 6]})
            error = self.failure(lambda: connection.query("SELECT * FROM orders", [], options()))
            self.assertIsInstance(error, errors.Error_Unavailable)

    def test_pages_are_fetched_as_they_are_asked_for_within_rows_bytes_and_limit(self):
        host, connection = connect()

        def page(ids, following):
            rows = [[id, "x" * 100] for id in ids]
            host.respond_json(200, {"rows": rows, "next": following})

        host.respond_json(200, ORDERS)
        page([1, 2], "a b")
        rows = connection.query("SELECT id, country FROM orders LIMIT 5", [], options(max_rows=2))
        self.assertEqual([row[0] for row in rows_of(rows.first)], [1, 2])
        page([], "c")
        page([3, 4, 5], None)
        batches = [rows.rest.next(10, 700), rows.rest.next(10, 1), rows.rest.next(10, 700)]
        ids = [[row[0] for row in rows_of(batch)] for batch in batches]
        self.assertEqual(ids, [[3, 4], [5], []])
        self.assertEqual(
            [request.url.split("country")[1] for request in host.requests[2:]],
            ["&limit=2", "&limit=3&cursor=a%20b", "&limit=3&cursor=c"],
        )

    def test_nothing_equals_null_and_nobody_is_asked_for_it(self):
        host, connection = connect()
        host.respond_json(200, ORDERS)
        sql = "SELECT id FROM orders WHERE country = $1"
        rows = connection.query(sql, [Param_Null()], options())
        self.assertEqual((rows.first.rows, rows.rest, len(host.requests)), (0, None, 2))

    def test_a_statement_is_described_without_rows(self):
        host, connection = connect()
        host.respond_json(200, ORDERS)
        sql = "SELECT id FROM orders WHERE total = $2 AND country = $1 LIMIT $3"
        prepared = connection.prepare(sql)
        self.assertEqual(prepared.columns, [labd.Column("id", "integer", ValueKind.INTEGER)])
        types = [parameter.database_type for parameter in prepared.parameters]
        self.assertEqual(types, ["text", "decimal", "integer"])
        host.respond_json(200, {"rows": []})
        decimal = Param_Typed(TypedText(ValueKind.DECIMAL, "1.10"))
        connection.query(sql, [Param_Text("DE"), decimal, Param_Integer(3)], options())
        self.assertTrue(host.requests[-1].url.endswith("eq.total=1.10&eq.country=DE&limit=3"))

    def test_what_is_not_in_the_subset_is_refused_with_its_place(self):
        host, connection = connect()
        host.respond_json(200, ORDERS)
        for sql, position, words in [
            ("SELECT count(*) FROM orders", 13, '"("'),
            ("SELECT id FROM orders, other", 22, '","'),
            ("SELECT id FROM orders o JOIN x", 23, '"o"'),
            ("SELECT id FROM orders WHERE total > 1", 35, '">"'),
            ("SELECT id FROM orders WHERE id = 1 OR id = 2", 36, '"OR"'),
            ("SELECT id FROM orders WHERE country = 'ä😀' GROUP BY id", 44, '"GROUP"'),
            ("SELECT id FROM orders WHERE id =", 33, "ends too early"),
            ("SELECT nothing FROM orders", 8, 'no column "nothing"'),
            ('SELECT "ID" FROM orders', 8, 'no column "ID"'),
            ("SELECT other.id FROM orders", 8, "not the table"),
            ("SELECT id FROM orders WHERE id = 'x'", 29, "type integer"),
            ("SELECT id FROM orders WHERE extra = '{}'", 29, "type json"),
            ("DELETE FROM orders", 1, '"DELETE"'),
            ("", 1, "ends too early"),
        ]:
            error = self.failure(lambda: connection.query(sql, [], options()))
            self.assertIsInstance(error, errors.Error_InvalidRequest)
            self.assertEqual(error.value.position, position, sql)
            self.assertIn(words, error.value.message, sql)
            self.assertIn("SELECT columns FROM table", error.value.hint)
        self.assertEqual(len(host.requests), 2)

    def test_the_tables_are_told_with_their_columns_and_keys(self):
        host, connection = connect()
        host.respond_json(200, {"tables": [ORDERS, {"name": "countries"}]})
        host.respond_json(200, {"name": "countries", "columns": [{"name": "code", "type": "text"}]})
        schema = connection.schema()
        self.assertEqual(schema.default_schema, "")
        self.assertEqual([one.name for one in schema.relations], ["orders", "countries"])
        orders = schema.relations[0]
        self.assertEqual(
            (orders.comment, orders.row_estimate, orders.primary_key), ("What was sold", 3, ["id"])
        )
        country = labd.ColumnInfo("country", "text", ValueKind.TEXT)
        country.comment, country.enum_values = "ISO 3166", ["DE", "FR"]
        self.assertEqual(orders.columns[2], country)
        place = orders.columns[6]
        self.assertEqual((place.kind, place.database_type), (ValueKind.OTHER, "geometry"))
        self.assertEqual(orders.foreign_keys[0].referenced_table, "countries")
        self.assertEqual(host.requests[-1].url, "http://api.example/v1/tables/countries")

    def test_each_refusal_of_the_api_has_its_error(self):
        host, connection = connect()

        def refused(status, body, headers=None):
            host.respond(status, [json.dumps(body)], headers)
            return self.failure(connection.ping)

        told = refused(401, {"error": {"message": "who are you", "code": "token"}})
        self.assertIsInstance(told, errors.Error_Unauthenticated)
        self.assertEqual((told.value.message, told.value.code), ("who are you", "token"))
        self.assertIn("rest://:token@", told.value.hint)
        limited = refused(429, {}, {"retry-after": "3"})
        self.assertEqual(limited, errors.Error_RateLimited(3000))
        self.assertIsInstance(refused(404, {}), errors.Error_NotFound)
        self.assertIsInstance(refused(500, "x"), errors.Error_Unavailable)
        self.assertIsInstance(refused(503, None), errors.Error_Overloaded)
        self.assertIn("check the host", refused(200, {"hello": 1}).value.hint)
        self.assertIn("not an API", refused(200, None).value.message)
        error = self.failure(lambda: RestConnector(host).open(labd.Config()))
        self.assertIsInstance(error, errors.Error_InvalidRequest)

    def test_a_table_that_has_changed_is_described_anew(self):
        host, connection = connect()
        host.respond_json(200, ORDERS).respond_json(400, {"error": {"message": "no column total"}})
        sql = "SELECT total FROM orders"
        error = self.failure(lambda: connection.query(sql, [], options()))
        self.assertIsInstance(error, errors.Error_InvalidRequest)
        host.respond_json(200, {**ORDERS, "columns": ORDERS["columns"][:1]})
        error = self.failure(lambda: connection.query(sql, [], options()))
        self.assertIn("no column", error.value.message)


if __name__ == "__main__":
    unittest.main()
