"""The Chat Completions API, as OpenAI and the many servers that follow it speak it.

| module | what it maps |
| --- | --- |
| `request` | labd's request → the API's body |
| `stream` | the API's chunks → labd's events |
| `faults` | the API's errors → labd's |
"""
