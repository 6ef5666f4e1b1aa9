"""The component's entry: it gives the connector the real host. Everything else runs natively too."""

from labd.wasm import connector_exports
from rest.connector import RestConnector

Connector = connector_exports(RestConnector)
