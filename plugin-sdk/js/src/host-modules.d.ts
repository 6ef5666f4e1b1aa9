// What the engine resolves inside a component.

declare module 'labd:host/log@0.1.0' {
  export const log: import('./contracts.js').Host['log'];
}

declare module 'labd:host/clock@0.1.0' {
  export function now(): number | bigint;
  export const sleep: import('./contracts.js').Host['sleep'];
}

declare module 'labd:host/http@0.1.0' {
  export const send: import('./contracts.js').Host['send'];
}
