// The component's entry: it gives the provider the real host. Everything else runs natively too.
import host from '../.labd/sdk/src/host.js';
import { aiProvider } from '../.labd/sdk/src/ai-provider.js';
import { ChatProvider } from './provider.js';

export const provider = aiProvider(new ChatProvider(host));
