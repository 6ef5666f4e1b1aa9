// What a program written with OpenAI's own library for Node does, against a daemon.
//
// LABD_URL is the daemon's /v1, LABD_TOKEN a token of it, LABD_MODEL the model to ask, and
// LABD_EMBED_MODEL, where the provider has one, the model for embeddings. The models say what
// tests/tests/daemon/openai/sdks.rs scripts them to.

import assert from "node:assert/strict";
import OpenAI from "openai";

const { LABD_URL: baseURL, LABD_TOKEN: token, LABD_MODEL: model, LABD_EMBED_MODEL: embedModel } = process.env;
const open = (apiKey) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const client = open(token);
const hello = [{ role: "user", content: "Say hello." }];
const look = { role: "user", content: "Look at the weather." };
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

async function models() {
  const listed = [];
  for await (const one of client.models.list()) listed.push(one.id);
  assert(listed.includes(model), String(listed));
  assert.equal((await client.models.retrieve(model)).id, model);
}

async function chat() {
  const told = await client.chat.completions.create({ model, messages: hello });
  assert.equal(told.choices[0].message.content, "Grüße 😀");
  assert.equal(told.choices[0].finish_reason, "stop");
  assert.equal(told.usage.total_tokens, 18);
}

async function chatStreamed() {
  const stream = await client.chat.completions.create({
    model,
    messages: hello,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Grüße 😀");
  assert.equal(usage.total_tokens, 18);
}

async function chatTools() {
  const tools = [{ type: "function", function: { name: "weather", description: "Tells it.", parameters } }];
  const messages = [look];
  const streamed = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
  const whole = await client.chat.completions.create({ model, messages, tools });
  for (const told of [streamed, whole]) {
    assert.equal(told.choices[0].finish_reason, "tool_calls");
    const [call] = told.choices[0].message.tool_calls;
    assert.equal(call.function.name, "weather");
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Köln" });
  }
  const { message } = whole.choices[0];
  messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "Rain: 7 °C" });
  const told = await client.chat.completions.create({ model, messages, tools });
  assert.equal(told.choices[0].message.content, "Take an umbrella.");
}

async function responses() {
  const told = await client.responses.create({ model, instructions: "Be brief.", input: "Say hello." });
  assert.equal(told.output_text, "Grüße 😀");
  assert.equal(told.status, "completed");
  assert.equal(told.usage.total_tokens, 18);
}

async function responsesStreamed() {
  let text = "";
  let last;
  let number = 0;
  for await (const event of await client.responses.create({ model, input: "Say hello.", stream: true })) {
    assert.equal(event.sequence_number, number++);
    if (event.type === "response.output_text.delta") text += event.delta;
    last = event;
  }
  assert.equal(text, "Grüße 😀");
  assert.equal(last.type, "response.completed");
  // The library's own helper builds the response from the events, and checks their order.
  const built = await client.responses.stream({ model, input: "Say hello." }).finalResponse();
  assert.equal(built.output_text, "Grüße 😀");
}

async function responsesTools() {
  const tools = [{ type: "function", name: "weather", description: "Tells it.", parameters, strict: true }];
  const told = await client.responses.create({ model, input: [look], tools });
  const call = told.output.find((item) => item.type === "function_call");
  assert.equal(call.name, "weather");
  assert.deepEqual(JSON.parse(call.arguments), { city: "Köln" });
  const output = { type: "function_call_output", call_id: call.call_id, output: "Rain: 7 °C" };
  const after = await client.responses.create({ model, input: [look, ...told.output, output], tools });
  assert.equal(after.output_text, "Take an umbrella.");
}

async function embeddings() {
  if (!embedModel) return;
  // The library asks for base64 when nothing is said.
  for (const extra of [{}, { encoding_format: "float" }]) {
    const told = await client.embeddings.create({ model: embedModel, input: ["one", "two"], ...extra });
    assert.deepEqual(
      told.data.map((one) => Array.from(one.embedding)),
      [
        [0.25, -0.5],
        [1, 2],
      ],
    );
  }
}

async function errors() {
  const ask = (text, extra = {}, by = client) =>
    by.chat.completions.create({ model, messages: [{ role: "user", content: text }], ...extra });
  await assert.rejects(ask("Say hello.", {}, open("labd_wrong_key")), (error) => {
    assert(error instanceof OpenAI.AuthenticationError, String(error));
    return error.code === "invalid_api_key";
  });
  for (const extra of [{}, { stream: true }]) {
    await assert.rejects(ask("Limit me.", extra), (error) => {
      assert(error instanceof OpenAI.RateLimitError, String(error));
      return error.headers.get("retry-after") === "7";
    });
  }
  await assert.rejects(ask("Say hello.", { n: 2 }), (error) => {
    assert(error instanceof OpenAI.BadRequestError, String(error));
    return error.param === "n";
  });
  await assert.rejects(client.models.retrieve("nothing"), OpenAI.NotFoundError);
  // An answer that breaks off is an error of the library's too, wherever it does: what came right
  // before may be told, or be lost with it.
  let text = "";
  const broken = async (begun) => {
    for await (const event of await begun) text += event.choices?.[0]?.delta.content ?? "";
  };
  await assert.rejects(broken(ask("Break off.", { stream: true })), OpenAI.APIError);
  assert(["", "So far"].includes(text), text);
  const begun = client.responses.create({ model, input: "Break off.", stream: true });
  await assert.rejects(broken(begun), OpenAI.APIError);
}

for (const step of [
  models,
  chat,
  chatStreamed,
  chatTools,
  responses,
  responsesStreamed,
  responsesTools,
  embeddings,
  errors,
]) {
  await step();
  console.log(step.name, "ok");
}
