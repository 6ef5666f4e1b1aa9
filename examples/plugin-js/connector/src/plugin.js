// The component's entry: it gives the connector the real host. Everything else runs natively too.
import host from '../.labd/sdk/src/host.js';
import { connectorExports } from '../.labd/sdk/src/connector.js';
import { RestConnector } from './connector.js';

export const connector = connectorExports(new RestConnector(host));
