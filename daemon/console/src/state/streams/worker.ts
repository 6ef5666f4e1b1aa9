/** The shared worker: one hub for all tabs. */
import { connect, later } from "./event-source";
import { Hub, type Send, type Wants } from "./hub";

/** A tab in the background wakes up once a minute; one that was silent for longer is gone. */
const SILENCE = 150_000;

const hub = new Hub(connect, later, () => Date.now());
setInterval(() => hub.dropSilent(SILENCE), SILENCE / 3);

self.addEventListener("online", () => hub.hurry());

const scope = self as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = (event) => {
  const port = event.ports[0];
  if (!port) return;
  const send: Send = (message) => port.postMessage(message);
  port.onmessage = ({ data }: MessageEvent<Wants | "bye">) => {
    if (data === "bye") hub.drop(send);
    else hub.want(send, data);
  };
};
