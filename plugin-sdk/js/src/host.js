// The real host. Only the entry of a plugin imports this: everything else takes a `Host`, so that
// its tests can hand it a fake one (see testing.js). What `labd:host/…` is, is only known inside the
// component.

import { log } from 'labd:host/log@0.1.0';
import { now, sleep } from 'labd:host/clock@0.1.0';
import { send } from 'labd:host/http@0.1.0';
import { installConsole } from './console.js';
import { installText } from './text.js';

/** @import { Host } from './contracts.js' */

// Before any code of the plugin's own runs.
installText();
installConsole(log);

/** @type {Host} */
const host = { log, now: () => Number(now()), sleep, send };

export default host;
