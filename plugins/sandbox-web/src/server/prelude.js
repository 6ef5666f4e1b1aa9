// What server code finds around it: the parts of a web server's globals that a handler expects.
// Evaluates to a function that gets the host's natives and gives what the host calls.
(function (native) {
  "use strict";
  const define = (values) => {
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    }
  };

  // ---- text -----------------------------------------------------------------------------------
  const bytesOf = (data) =>
    data instanceof Uint8Array ? data
    : data instanceof ArrayBuffer ? new Uint8Array(data)
    : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : native.encode(String(data).toWellFormed());

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") { return native.encode(String(text).toWellFormed()); }
  }
  class TextDecoder {
    constructor(label = "utf-8") {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`TextDecoder knows UTF-8 only, not ${label}`);
    }
    get encoding() { return "utf-8"; }
    decode(data) {
      const text = data === undefined ? "" : native.decode(bytesOf(data));
      return text.startsWith("\ufeff") ? text.slice(1) : text;
    }
  }
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function btoa(text) {
    let out = "";
    const data = String(text);
    for (let i = 0; i < data.length; i += 3) {
      const part = [data.charCodeAt(i), data.charCodeAt(i + 1), data.charCodeAt(i + 2)];
      if (part.some((code) => code > 255)) throw new TypeError("btoa takes characters up to U+00FF");
      const bits = (part[0] << 16) | ((part[1] || 0) << 8) | (part[2] || 0);
      out += ALPHABET[bits >> 18] + ALPHABET[(bits >> 12) & 63] + (i + 1 < data.length ? ALPHABET[(bits >> 6) & 63] : "=") + (i + 2 < data.length ? ALPHABET[bits & 63] : "=");
    }
    return out;
  }
  function atob(text) {
    const data = String(text).replace(/[\t\n\f\r ]/g, "").replace(/={1,2}$/, "");
    let out = "", bits = 0, count = 0;
    for (const c of data) {
      const value = ALPHABET.indexOf(c);
      if (value < 0 || data.length % 4 === 1) throw new TypeError("atob: this is no base64");
      bits = (bits << 6) | value;
      count += 6;
      if (count >= 8) out += String.fromCharCode((bits >> (count -= 8)) & 255);
    }
    return out;
  }

  // ---- addresses ------------------------------------------------------------------------------
  const unescape = (text) => {
    try { return decodeURIComponent(text.replace(/\+/g, " ")); } catch { return text; }
  };
  const escape = (text) => encodeURIComponent(text).replace(/%20/g, "+").replace(/[!'()~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
  class URLSearchParams {
    #list = [];
    #changed = null;
    constructor(from = "", changed = null) {
      if (typeof from === "string") {
        for (const part of from.replace(/^\?/, "").split("&")) {
          if (!part) continue;
          const at = part.indexOf("=");
          this.#list.push(at < 0 ? [unescape(part), ""] : [unescape(part.slice(0, at)), unescape(part.slice(at + 1))]);
        }
      } else {
        for (const [name, value] of typeof from[Symbol.iterator] === "function" ? from : Object.entries(from)) this.#list.push([String(name), String(value)]);
      }
      this.#changed = changed;
    }
    #set(list) { this.#list = list; this.#changed?.(this.toString()); }
    get size() { return this.#list.length; }
    get(name) { return this.#list.find((one) => one[0] === name)?.[1] ?? null; }
    getAll(name) { return this.#list.filter((one) => one[0] === name).map((one) => one[1]); }
    has(name) { return this.#list.some((one) => one[0] === name); }
    append(name, value) { this.#set([...this.#list, [String(name), String(value)]]); }
    delete(name) { this.#set(this.#list.filter((one) => one[0] !== name)); }
    set(name, value) {
      const at = this.#list.findIndex((one) => one[0] === name);
      const rest = this.#list.filter((one, index) => one[0] !== name || index === at);
      if (at < 0) rest.push([String(name), String(value)]);
      else rest[rest.findIndex((one) => one[0] === name)] = [String(name), String(value)];
      this.#set(rest);
    }
    sort() { this.#set([...this.#list].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))); }
    forEach(call) { for (const [name, value] of this.#list) call(value, name, this); }
    keys() { return this.#list.map((one) => one[0])[Symbol.iterator](); }
    values() { return this.#list.map((one) => one[1])[Symbol.iterator](); }
    entries() { return this.#list.map((one) => [...one])[Symbol.iterator](); }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#list.map(([name, value]) => `${escape(name)}=${escape(value)}`).join("&"); }
  }
  const ABSOLUTE = /^([a-z][a-z0-9+.-]*:)\/\/(?:([^/?#@:]*)(?::([^/?#@]*))?@)?([^/?#:]*)(?::(\d+))?([^?#]*)(\?[^#]*)?(#.*)?$/i;
  class URL {
    constructor(url, base) {
      let text = String(url).trim();
      if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) {
        if (base === undefined) throw new TypeError(`Invalid URL: ${text}`);
        const from = new URL(base);
        text = text.startsWith("//") ? from.protocol + text
          : text.startsWith("/") ? from.origin + text
          : text.startsWith("?") ? from.origin + from.pathname + text
          : text.startsWith("#") ? from.origin + from.pathname + from.search + text
          : from.origin + from.pathname.replace(/[^/]*$/, "") + text;
      }
      const match = ABSOLUTE.exec(text);
      if (!match) throw new TypeError(`Invalid URL: ${text}`);
      this.protocol = match[1].toLowerCase();
      this.username = match[2] ?? "";
      this.password = match[3] ?? "";
      this.hostname = match[4].toLowerCase();
      const usual = { "http:": "80", "https:": "443" }[this.protocol];
      this.port = match[5] && match[5] !== usual ? match[5] : "";
      const parts = [];
      for (const part of (match[6] || "/").split("/").slice(1)) {
        if (part === "..") parts.pop();
        else if (part !== ".") parts.push(part);
      }
      if (/\/\.{1,2}$/.test(match[6])) parts.push("");
      this.pathname = "/" + encodeURI(parts.join("/")).replace(/%25([0-9a-f]{2})/gi, "%$1");
      this.search = match[7] && match[7] !== "?" ? match[7] : "";
      this.hash = match[8] && match[8] !== "#" ? match[8] : "";
      this.searchParams = new URLSearchParams(this.search, (text) => { this.search = text && `?${text}`; });
    }
    get host() { return this.hostname + (this.port && `:${this.port}`); }
    get origin() { return `${this.protocol}//${this.host}`; }
    get href() {
      const user = this.username ? this.username + (this.password && `:${this.password}`) + "@" : "";
      return `${this.protocol}//${user}${this.host}${this.pathname}${this.search}${this.hash}`;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(url, base) {
      try { new URL(url, base); return true; } catch { return false; }
    }
  }

  // ---- requests and responses -----------------------------------------------------------------
  class Headers {
    #map = new Map();
    constructor(from) {
      if (!from) return;
      for (const [name, value] of typeof from[Symbol.iterator] === "function" ? from : Object.entries(from)) this.append(name, value);
    }
    #name(name) {
      const key = String(name).toLowerCase();
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key)) throw new TypeError(`Invalid header name: ${name}`);
      return key;
    }
    #value(value) {
      const text = String(value).trim();
      if (/[\0\r\n]/.test(text)) throw new TypeError("A header's value is one line");
      return text;
    }
    get(name) { return this.#map.get(this.#name(name))?.join(", ") ?? null; }
    getSetCookie() { return [...(this.#map.get("set-cookie") ?? [])]; }
    has(name) { return this.#map.has(this.#name(name)); }
    set(name, value) { this.#map.set(this.#name(name), [this.#value(value)]); }
    append(name, value) {
      const key = this.#name(name);
      this.#map.set(key, [...(this.#map.get(key) ?? []), this.#value(value)]);
    }
    delete(name) { this.#map.delete(this.#name(name)); }
    forEach(call) { for (const [name, value] of this) call(value, name, this); }
    keys() { return [...this].map((one) => one[0])[Symbol.iterator](); }
    values() { return [...this].map((one) => one[1])[Symbol.iterator](); }
    entries() { return this[Symbol.iterator](); }
    *[Symbol.iterator]() {
      for (const name of [...this.#map.keys()].sort()) {
        if (name === "set-cookie") for (const one of this.#map.get(name)) yield [name, one];
        else yield [name, this.#map.get(name).join(", ")];
      }
    }
  }
  const NO_BYTES = new Uint8Array(0);
  class Body {
    #bytes;
    #used = false;
    constructor(body) {
      this.#bytes = body === null || body === undefined ? NO_BYTES : bytesOf(body);
    }
    get bodyUsed() { return this.#used; }
    #take() {
      if (this.#used) throw new TypeError("The body was read already");
      this.#used = true;
      return this.#bytes;
    }
    async bytes() { return this.#take(); }
    async arrayBuffer() { return this.#take().slice().buffer; }
    async text() { return new TextDecoder().decode(this.#take()); }
    async json() { return JSON.parse(await this.text()); }
    async formData() {
      if (!/^application\/x-www-form-urlencoded/i.test(this.headers.get("content-type") ?? "")) throw new TypeError("formData() reads application/x-www-form-urlencoded only");
      return new URLSearchParams(await this.text());
    }
  }
  class Request extends Body {
    constructor(url, init = {}) {
      super(init.body);
      this.url = new URL(url).href;
      this.method = (init.method ?? "GET").toUpperCase();
      this.headers = new Headers(init.headers);
    }
  }
  class Response extends Body {
    constructor(body, init = {}) {
      super(body instanceof URLSearchParams ? body.toString() : body);
      const status = init.status ?? 200;
      if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError(`${status} is no status of a response`);
      this.status = status;
      this.statusText = init.statusText ?? "";
      this.headers = new Headers(init.headers);
      if (body !== null && body !== undefined && !this.headers.has("content-type")) {
        if (typeof body === "string") this.headers.set("content-type", "text/plain;charset=UTF-8");
        else if (body instanceof URLSearchParams) this.headers.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
      }
    }
    get ok() { return this.status < 300; }
    static json(data, init = {}) {
      const text = JSON.stringify(data, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
      if (text === undefined) throw new TypeError("Response.json: this value has no JSON");
      const response = new Response(text, init);
      if (!new Headers(init.headers).has("content-type")) response.headers.set("content-type", "application/json");
      return response;
    }
    static redirect(url, status = 302) { return new Response(null, { status, headers: { location: String(url) } }); }
    static error() { return new Response(null, { status: 500 }); }
  }

  // ---- console, timers, randomness ------------------------------------------------------------
  const show = (value, depth = 0) => {
    if (typeof value === "string") return depth ? JSON.stringify(value) : value;
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
    if (typeof value !== "object" || value === null) return typeof value === "bigint" ? `${value}n` : String(value);
    if (depth > 3) return "…";
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof Map) return `Map(${value.size}) ${show([...value], depth + 1)}`;
    if (value instanceof Set) return `Set(${value.size}) ${show([...value], depth + 1)}`;
    if (Array.isArray(value)) return `[${value.slice(0, 100).map((one) => show(one, depth + 1)).join(", ")}${value.length > 100 ? ", …" : ""}]`;
    return `{${Object.entries(value).map(([key, one]) => `${key}: ${show(one, depth + 1)}`).join(", ")}}`;
  };
  const console = {};
  for (const level of ["log", "info", "warn", "error", "debug", "trace"]) {
    console[level] = (...values) => native.log(level, values.map((value) => show(value)).join(" "));
  }
  console.table = console.dir = console.log;
  console.assert = (fact, ...values) => { if (!fact) console.error("Assertion failed:", ...values); };
  console.group = console.groupEnd = console.time = console.timeEnd = console.count = () => {};

  // A handler does not wait for the clock: what a timer would do later is done as soon as nothing
  // else is left to do, in the order of the times.
  let timers = [];
  let lastTimer = 0;
  const addTimer = (call, delay, repeat, values) => {
    if (typeof call !== "function") throw new TypeError("A timer takes a function");
    const due = Math.max(0, Number(delay) || 0);
    timers.push({ id: ++lastTimer, due, every: repeat ? Math.max(1, due) : 0, call, values });
    return lastTimer;
  };
  const clearTimer = (id) => { timers = timers.filter((one) => one.id !== id); };
  const runTimer = () => {
    if (!timers.length) return false;
    timers.sort((a, b) => a.due - b.due || a.id - b.id);
    const first = timers.shift();
    for (const one of timers) one.due -= first.due;
    if (first.every) timers.push({ ...first, due: first.every });
    first.call(...first.values);
    return true;
  };

  const crypto = {
    getRandomValues(array) {
      const bytes = native.random(array.byteLength);
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes);
      return array;
    },
    randomUUID() {
      const bytes = native.random(16);
      bytes[6] = (bytes[6] & 15) | 64;
      bytes[8] = (bytes[8] & 63) | 128;
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };

  function structuredClone(value, seen = new Map()) {
    if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`structuredClone: a ${typeof value} cannot be cloned`);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => { seen.set(value, copy); return copy; };
    const clone = (one) => structuredClone(one, seen);
    if (value instanceof Date) return keep(new Date(value));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) return keep(value.slice ? value.slice() : new DataView(value.buffer.slice(0)));
    if (value instanceof Map) { const copy = keep(new Map()); for (const [k, v] of value) copy.set(clone(k), clone(v)); return copy; }
    if (value instanceof Set) { const copy = keep(new Set()); for (const one of value) copy.add(clone(one)); return copy; }
    if (value instanceof Error) { const copy = keep(new value.constructor(value.message)); copy.stack = value.stack; return copy; }
    const copy = keep(Array.isArray(value) ? [] : {});
    for (const key of Object.keys(value)) copy[key] = clone(value[key]);
    return copy;
  }

  // QuickJS reads JSON by recursion that its limit of the stack does not see.
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    const json = String(text);
    if (json.length > 500 && native.nests(json)) throw new SyntaxError("This JSON nests deeper than 500 levels");
    return parse(json, reviver);
  };

  // ---- numbers for people ---------------------------------------------------------------------
  // English only: a handler gives data, and the browser, which knows the viewer, formats it.
  const SIGNS = { USD: "$", EUR: "€", GBP: "£", JPY: "¥", INR: "₹", CNY: "CN¥", KRW: "₩", BRL: "R$", CHF: "CHF ", CAD: "CA$", AUD: "A$" };
  class NumberFormat {
    #o;
    constructor(_locale, options = {}) {
      const money = options.style === "currency";
      const usual = money ? (options.currency === "JPY" || options.currency === "KRW" ? 0 : 2) : 0;
      const least = options.minimumFractionDigits ?? Math.min(usual, options.maximumFractionDigits ?? usual);
      this.#o = { ...options, least, most: Math.max(least, options.maximumFractionDigits ?? (money ? usual : options.style === "percent" ? 0 : 3)) };
    }
    format(value) {
      const { style, currency, least, most, useGrouping } = this.#o;
      let number = Number(value);
      if (Number.isNaN(number)) return "NaN";
      if (style === "percent") number *= 100;
      let [whole, part = ""] = Math.abs(number) === Infinity ? ["∞"] : Math.abs(number).toFixed(most).split(".");
      while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
      if (useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
      const sign = number < 0 && /[1-9∞]/.test(whole + part) ? "-" : "";
      return sign + (style === "currency" ? (SIGNS[currency] ?? `${currency} `) : "") + whole + (part && `.${part}`) + (style === "percent" ? "%" : "");
    }
  }
  const missing = (name) => ({
    configurable: true,
    get() { throw new TypeError(`Intl.${name} is not available in server code: send the data and format it in the browser.`); },
  });
  const Intl = Object.defineProperties({ NumberFormat }, Object.fromEntries(
    ["DateTimeFormat", "RelativeTimeFormat", "ListFormat", "PluralRules", "Collator", "Segmenter", "DisplayNames"].map((name) => [name, missing(name)]),
  ));
  Number.prototype.toLocaleString = function (locale, options) { return new NumberFormat(locale, options).format(this); };

  define({
    TextEncoder, TextDecoder, atob, btoa, URL, URLSearchParams, Headers, Request, Response, console, crypto, structuredClone, Intl,
    setTimeout: (call, delay, ...values) => addTimer(call, delay, false, values),
    setInterval: (call, delay, ...values) => addTimer(call, delay, true, values),
    setImmediate: (call, ...values) => addTimer(call, 0, false, values),
    clearTimeout: clearTimer, clearInterval: clearTimer, clearImmediate: clearTimer,
    performance: { now: () => Date.now(), timeOrigin: 0 },
    fetch: async () => { throw new TypeError("Server code has no network: read data with ctx.query(name, params)."); },
    process: { env: {} },
  });
  if (typeof queueMicrotask === "undefined") define({ queueMicrotask: (call) => { Promise.resolve().then(call); } });

  // ---- queries --------------------------------------------------------------------------------
  class QueryError extends Error {
    constructor(name, detail) {
      super(detail.message);
      this.name = "QueryError";
      this.query = name;
      this.code = detail.code;
      if (detail.position !== null) this.position = detail.position;
      if (detail.hint !== null) this.hint = detail.hint;
    }
  }
  async function query(name, params = {}) {
    let answer;
    try {
      answer = native.query(String(name), JSON.stringify(params, (_key, value) => (typeof value === "bigint" ? value.toString() : value)));
    } catch (error) {
      let detail;
      try { detail = JSON.parse(error.message); } catch { throw error; }
      throw new QueryError(String(name), detail);
    }
    // The same shape as `query()` of @labd/data.
    const wire = JSON.parse(answer);
    const seen = new Map();
    const columns = wire.columns.map((column) => {
      const count = (seen.get(column.name) ?? 0) + 1;
      seen.set(column.name, count);
      return count === 1 ? column : { ...column, name: `${column.name}_${count}` };
    });
    const rows = wire.rows.map((cells) => {
      const row = {};
      columns.forEach((column, index) => { row[column.name] = cells[index] ?? null; });
      return row;
    });
    return { columns, rows, truncated: wire.truncated, rowCount: wire.rowCount };
  }

  async function dispatch(module, method, url, headers, body, params, user) {
    timers = [];
    const request = new Request(url, { method, headers, body });
    const context = { query, mutate: query, params, user: JSON.parse(user), url: new URL(url) };
    const answer = await module[method](request, context);
    const response = answer instanceof Response ? answer
      : answer === undefined || answer === null ? new Response(null, { status: 204 })
      : typeof answer === "string" ? new Response(answer)
      : Response.json(answer);
    return [response.status, [...response.headers], await response.bytes()];
  }
  return { dispatch, runTimer };
})
