//! What handlers may rely on, and what stays their own fault.

use labd_plugin::sandbox::{Change, Request, Response, Sandbox, Server, SourceFile, Workspace};
use labd_plugin::testing::FakeHost;
use labd_plugin::{Error, Fault};
use sandbox_web::{Web, workspace::Project};

const ROWS: &str = r#"{"columns":[{"name":"n","type":"int","kind":"integer"},{"name":"n","type":"int","kind":"integer"}],"rows":[[1,2]],"truncated":false,"rowCount":1}"#;

#[expect(clippy::unwrap_used, reason = "test")]
fn bundle(files: &[(&str, &str)]) -> Vec<u8> {
    let base = [
        ("app.json", "{\"name\": \"Test\"}"),
        ("src/main.tsx", "export {};"),
        ("queries/q.sql", "-- @param n int\nSELECT :n"),
    ];
    let changed = base
        .iter()
        .chain(files)
        .map(|(path, content)| SourceFile {
            path: (*path).to_owned(),
            content: content.as_bytes().to_vec(),
        })
        .collect();
    let prepared = Project::open()
        .unwrap()
        .prepare(Change {
            changed,
            removed: vec![],
        })
        .unwrap();
    assert!(prepared.manifest.is_some(), "{:?}", prepared.diagnostics);
    prepared.server_bundle.unwrap()
}

#[expect(clippy::unwrap_used, reason = "test")]
fn served(
    host: &FakeHost,
    files: &[(&str, &str)],
    method: &str,
    url: &str,
    body: &[u8],
) -> Response {
    let mut server = Web::new(host.clone()).load(bundle(files)).unwrap();
    let request = Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: vec![("X-Given".to_owned(), "yes".to_owned())],
        body: body.to_vec(),
    };
    server.handle(request).unwrap()
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers
        .iter()
        .find(|(one, _)| one == name)
        .map_or("", |(_, value)| value)
}

#[test]
fn a_handler_gets_the_request_the_viewer_and_its_queries() {
    let host = FakeHost::new();
    host.set_app_user("{\"name\": \"Ada\"}");
    host.answer_app_query(Ok(ROWS.to_owned()));
    let handler = "export async function POST(request: Request, ctx: any) {
  const { rows } = await ctx.query('q', { n: 9007199254740993n });
  return Response.json({ rows, id: ctx.params.id, user: ctx.user.name, body: await request.json(), given: request.headers.get('x-given'), all: ctx.url.searchParams.getAll('a') }, { status: 201, headers: { 'x-own': '1' } });
}";
    let answer = served(
        &host,
        &[("server/orders/[id].ts", handler)],
        "POST",
        "/api/orders/7?a=1&a=b%20c",
        "{\"é\": \"😀\"}".as_bytes(),
    );
    assert_eq!(
        (
            answer.status,
            header(&answer, "x-own"),
            header(&answer, "content-type")
        ),
        (201, "1", "application/json")
    );
    assert_eq!(
        text(&answer),
        r#"{"rows":[{"n":1,"n_2":2}],"id":"7","user":"Ada","body":{"é":"😀"},"given":"yes","all":["1","b c"]}"#
    );
    assert_eq!(
        host.app_queries(),
        [("q".to_owned(), "{\"n\":\"9007199254740993\"}".to_owned())]
    );
}

#[test]
fn a_refused_query_can_be_caught_with_its_code() {
    let host = FakeHost::new();
    host.answer_app_query(Err(Error::invalid(
        Fault::new("no such column").position(8),
    )));
    let handler = "export async function GET(_: Request, ctx: any) { try { await ctx.query('q', {n: 1}); } catch (e: any) { return { code: e.code, message: e.message, position: e.position, query: e.query }; } }";
    assert_eq!(
        text(&served(
            &host,
            &[("server/a.ts", handler)],
            "GET",
            "/api/a",
            b""
        )),
        r#"{"code":"invalid-request","message":"no such column","position":8,"query":"q"}"#
    );
}

#[test]
fn the_globals_of_a_web_server_are_there() {
    let handler = r#"
import { z } from "zod";
import { format } from "date-fns";
import { double } from "../src/lib/double";
export async function GET() {
  const clone = structuredClone({ a: new Date(0), b: new Map([[1, new Set([2])]]) });
  await new Promise((done) => setTimeout(done, 1000));
  return [
    new URL("../x?y=1#z", "https://a.example:8443/b/c/d").href,
    new URLSearchParams({ a: "1 2", b: "ä" }).toString(),
    new TextDecoder().decode(new TextEncoder().encode("é😀")),
    atob(btoa("hello")), crypto.randomUUID().length, clone.a.toISOString(), clone.b.get(1).has(2),
    (1234567.891).toLocaleString(), new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(-1234.5),
    z.object({ n: z.number() }).safeParse({ n: "1" }).success, format(new Date(2025, 0, 2), "yyyy-MM-dd"), double(21),
    await fetch("https://example.com").catch((e) => e.message),
    (() => { try { return new Intl.DateTimeFormat(); } catch (e: any) { return e.message; } })(),
  ];
}"#;
    let answer = served(
        &FakeHost::new(),
        &[
            ("server/a.ts", handler),
            (
                "src/lib/double.ts",
                "export const double = (n: number) => n * 2;",
            ),
        ],
        "GET",
        "/api/a",
        b"",
    );
    let values: Vec<serde_json::Value> =
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    let texts: Vec<String> = values
        .iter()
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    assert_eq!(
        texts,
        [
            "https://a.example:8443/b/x?y=1#z",
            "a=1+2&b=%C3%A4",
            "é😀",
            "hello",
            "36",
            "1970-01-01T00:00:00.000Z",
            "true",
            "1,234,567.891",
            "-€1,234.50",
            "false",
            "2025-01-02",
            "42",
            "Server code has no network: read data with ctx.query(name, params).",
            "Intl.DateTimeFormat is not available in server code: send the data and format it in the browser.",
        ]
    );
}

#[test]
fn an_exception_is_a_500_with_the_place_in_the_source() {
    let helper =
        "interface X { a: number }\n\n\nexport function fail(x?: X): number {\n  return x!.a;\n}";
    let handler = "import { fail } from './_lib';\nexport function GET() {\n  return fail();\n}";
    let answer = served(
        &FakeHost::new(),
        &[("server/_lib.ts", helper), ("server/a.ts", handler)],
        "GET",
        "/api/a",
        b"",
    );
    assert_eq!(answer.status, 500);
    let error = header(&answer, "x-labd-error");
    assert!(
        error.contains("(server/_lib.ts:5:")
            && error.contains("(server/a.ts:3:")
            && error.contains("TypeError"),
        "{error}"
    );
    assert!(!error.contains('\n'));
}

#[test]
fn recursion_without_end_is_an_error_of_the_handler() {
    let handler = "const down = (n: number): number => 1 + down(n + 1);\nexport function GET() { return down(0); }\nexport function POST() { return 'fine'; }";
    let mut server = Web::new(FakeHost::new())
        .load(bundle(&[("server/a.ts", handler)]))
        .unwrap();
    let request = |method: &str| Request {
        method: method.to_owned(),
        url: "/api/a".to_owned(),
        headers: vec![],
        body: vec![],
    };
    let answer = server.handle(request("GET")).unwrap();
    assert_eq!(answer.status, 500);
    assert!(
        header(&answer, "x-labd-error").contains("Maximum call stack"),
        "{answer:?}"
    );
    assert_eq!(text(&server.handle(request("POST")).unwrap()), "fine");
}

#[test]
fn what_nobody_answers_is_404_and_405() {
    let files = [(
        "server/a.ts",
        "export function GET() { return new Response(new Uint8Array([0, 255]).subarray(1), { headers: { 'content-type': 'image/x' } }); }\nexport const helper = 1;",
    )];
    let host = FakeHost::new();
    assert_eq!(served(&host, &files, "GET", "/api/b", b"").status, 404);
    let refused = served(&host, &files, "DELETE", "/api/a", b"");
    assert_eq!((refused.status, header(&refused, "allow")), (405, "GET"));
    assert_eq!(served(&host, &files, "GET", "/api/a", b"").body, [255]);
    assert_eq!(served(&host, &files, "HEAD", "/api/a", b"").body, [0; 0]);
}

#[test]
fn a_module_that_throws_while_it_loads_is_refused_with_its_place() {
    let code = bundle(&[(
        "server/a.ts",
        "type A = 1;\nexport function GET() {}\nthrow new Error('too early');",
    )]);
    let error = Web::new(FakeHost::new()).load(code).err().unwrap();
    assert!(
        error.message().contains("too early") && error.message().contains("server/a.ts:3:"),
        "{error:?}"
    );
}
