"""What a labd plugin in Python is written with.

| module | what it has |
| --- | --- |
| `ai`, `connector` | the types of a contract, and what implements it |
| `errors` | the contract's errors as an exception |
| `http` | a client |
| `stream` | readers of server-sent events and lines of JSON |
| `config` | what the operator configured |
| `testing` | a host for tests |
| `wasm` | the real host; only the entry of a component imports it |

Everything but `wasm` runs natively too.
"""
