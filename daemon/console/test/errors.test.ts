import { describe, expect, test } from "vitest";
import { errorFromAnswer, errorFromFailure } from "../src/api/errors";

describe("errors as the console shows them", () => {
  test("a problem document keeps its code, sentence, hint and fields", () => {
    const error = errorFromAnswer(400, {
      type: "urn:labd:problem:invalid_request",
      title: "Invalid request",
      status: 400,
      code: "invalid_request",
      detail: "The base URL begins with https://.",
      hint: "Write `https://api.example/v1`.",
      fields: [{ field: "config.base_url", message: "It begins with https://." }, { wrong: true }],
    });
    expect(error).toMatchObject({
      status: 400,
      code: "invalid_request",
      message: "The base URL begins with https://.",
      hint: "Write `https://api.example/v1`.",
    });
    expect(error.fields).toHaveLength(1);
    expect(error.field("config.base_url")).toBe("It begins with https://.");
    expect(error.field("config")).toBe("It begins with https://.");
    expect(error.field("name")).toBeUndefined();
  });

  test("a query's error keeps its place and the database's own code", () => {
    const error = errorFromAnswer(422, {
      code: "query_failed",
      detail: "There is no column totals.",
      position: 8,
      upstream_code: "42703",
      retry_after_ms: "soon",
    });
    expect(error).toMatchObject({ position: 8, upstreamCode: "42703" });
    expect(error.retryAfterMs).toBeUndefined();
  });

  test.each([undefined, "<html>", [], { code: 7 }, null])("an answer of something else (%j) is said to be so", (body) => {
    const error = errorFromAnswer(502, body);
    expect(error.code).toBe("unexpected_answer");
    expect(error.message).toContain("502");
  });

  test("no answer at all means that labd is away", () => {
    expect(errorFromFailure(new TypeError("Failed to fetch")).code).toBe("offline");
    expect(errorFromFailure(new DOMException("", "AbortError")).code).toBe("cancelled");
    expect(errorFromFailure("odd")).toMatchObject({ code: "internal", message: "odd" });
  });
});
