"""Tables of a REST API (see README.md for what the API must serve).

| module | what it maps |
| --- | --- |
| `sql` | the text of a statement → a `Select` |
| `plan` | a `Select` and the table's columns → the API's query parameters |
| `api` | requests to the API, and its errors |
| `values` | the API's values → labd's, parameters → the API's texts |
"""
