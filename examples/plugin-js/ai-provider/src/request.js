// labd's request → the API's body.

import { invalidRequest } from '../.labd/sdk/src/errors.js';

/** @import { Effort, Message, Part, Request, Tool } from '../.labd/sdk/src/contracts.js' */

/** @param {Request} request */
export function toBody(request) {
  /** @type {Record<string, unknown>} */
  const body = {
    model: request.model,
    messages: messages(request),
    stream: true,
    stream_options: { include_usage: true },
  };
  if (request.tools.length > 0) {
    body.tools = request.tools.map(toTool);
    const choice = request.toolChoice;
    if (choice.tag === 'named') body.tool_choice = { type: 'function', function: { name: choice.val } };
    else if (choice.tag !== 'automatic') body.tool_choice = choice.tag;
    if (request.parallelTools != null) body.parallel_tool_calls = request.parallelTools;
  }
  if (request.outputSchema) {
    body.response_format = {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: schema(request.outputSchema, 'the output'), strict: true },
    };
  }
  // What is null is not set.
  if (request.maxTokens != null) body.max_tokens = request.maxTokens;
  if (request.temperature != null) body.temperature = request.temperature;
  if (request.topP != null) body.top_p = request.topP;
  if (request.stop.length > 0) body.stop = request.stop;
  if (request.effort != null) body.reasoning_effort = EFFORTS[request.effort] ?? request.effort;
  if (request.user != null) body.user = request.user;
  return body;
}

/** Where the API's word is another than labd's. @type {Partial<Record<Effort, string>>} */
const EFFORTS = { off: 'none', highest: 'xhigh' };

/** @param {Tool} tool */
function toTool(tool) {
  const parameters = schema(tool.parameters, `the tool ${tool.name}`);
  const strict = tool.strict ? { strict: true } : {};
  return { type: 'function', function: { name: tool.name, description: tool.description, parameters, ...strict } };
}

/** @param {string} text @param {string} of */
function schema(text, of) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidRequest(`the JSON Schema of ${of} is no JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {Request} request */
function messages(request) {
  const system = request.system.length > 0 ? [{ role: 'system', content: request.system.join('\n\n') }] : [];
  return [
    ...system,
    ...request.messages.flatMap((message) => (message.role === 'user' ? user(message) : assistant(message))),
  ];
}

/**
 * Results of tools are messages of their own, right after the calls that they answer.
 * @param {Message} message
 * @returns {object[]}
 */
function user({ parts }) {
  const all = parts.flatMap((part) =>
    part.tag === 'tool-result'
      ? [{ role: 'tool', tool_call_id: part.val.id, content: (part.val.isError ? 'Error: ' : '') + part.val.content }]
      : [],
  );
  const content = parts.flatMap((part) => /** @type {{ type: string }[]} */ (toContent(part)));
  if (content.length === 0) return all;
  // Many servers take a plain text only.
  const plain = content.every((one) => one.type === 'text');
  return [...all, { role: 'user', content: plain ? texts(parts).join('\n\n') : content }];
}

/** @param {Part} part */
function toContent(part) {
  if (part.tag === 'text') return [{ type: 'text', text: part.val }];
  if (part.tag === 'image') return [{ type: 'image_url', image_url: { url: dataUrl(part.val) } }];
  return [];
}

/** @param {Message} message @returns {object[]} */
function assistant({ parts }) {
  const content = texts(parts).join('');
  const calls = parts.flatMap((part) =>
    part.tag === 'tool-use'
      ? [{ id: part.val.id, type: 'function', function: { name: part.val.name, arguments: part.val.arguments } }]
      : [],
  );
  if (calls.length > 0) return [{ role: 'assistant', content: content || null, tool_calls: calls }];
  return content === '' ? [] : [{ role: 'assistant', content }];
}

/** @param {Part[]} parts */
const texts = (parts) => parts.flatMap((part) => (part.tag === 'text' ? [part.val] : []));

/** @param {{ mediaType: string, data: Uint8Array }} image */
function dataUrl({ mediaType, data }) {
  let binary = '';
  // Arguments of a call are limited.
  for (let at = 0; at < data.length; at += 1024) binary += String.fromCharCode(...data.subarray(at, at + 1024));
  return `data:${mediaType};base64,${btoa(binary)}`;
}
