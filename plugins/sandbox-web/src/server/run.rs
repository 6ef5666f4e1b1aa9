//! Runs server code in QuickJS.

use super::bundle::{Bundle, Part, Route, matches};
use crate::engine::{Engine, Settled, Thrown, fault, settle};
use crate::vendor;
use labd_plugin::log::Level;
use labd_plugin::sandbox::{Request, Response, Server};
use labd_plugin::{Error, Host, Result};
use oxc_sourcemap::SourceMap;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{
    Array, CatchResultExt, Ctx, Exception, Function, Module, Object, Persistent, Promise,
    TypedArray,
};
use std::collections::BTreeMap;
use std::rc::Rc;

const PRELUDE: &str = include_str!("prelude.js");

/// Loaded server code of one app.
pub struct Handlers<H> {
    // Before the engine: what is kept of it must go first.
    dispatch: Persistent<Function<'static>>,
    timer: Persistent<Function<'static>>,
    modules: Vec<Persistent<Object<'static>>>,
    engine: Engine,
    routes: Vec<Route>,
    parts: Rc<BTreeMap<String, Part>>,
    host: H,
}

impl<H: Host> Handlers<H> {
    /// Evaluates the modules of a bundle.
    ///
    /// # Errors
    /// `invalid-request` with the place in the source when a module throws while it loads.
    pub fn load(host: H, bundle: &[u8]) -> Result<Self> {
        let Bundle { modules, routes } = Bundle::read(bundle)?;
        let parts = Rc::new(modules);
        let engine = Engine::new()?;
        engine.runtime.set_loader(Own, Parts(parts.clone()));
        let (dispatch, timer) = engine
            .context
            .with(|ctx| prelude(&ctx, &host).catch(&ctx).map_err(fault))?;
        let mut loaded = Vec::new();
        for route in &routes {
            let object = engine.context.with(|ctx| {
                let promise = Module::import(&ctx, route.module.as_str())
                    .catch(&ctx)
                    .map_err(Thrown::of)?;
                match settle::<Object>(&ctx, &promise, || run_timer(&ctx, &timer)) {
                    Settled::Value(module) => Ok(Persistent::save(&ctx, module)),
                    Settled::Thrown(thrown) => Err(thrown),
                    Settled::Stuck => Err(Thrown {
                        message: "The module waits for something that never comes.".to_owned(),
                        stack: String::new(),
                    }),
                }
            });
            loaded.push(object.map_err(|thrown| {
                let stack = locate(&parts, &thrown.stack);
                Error::invalid(format!(
                    "{}: {}{}{stack}",
                    route.module,
                    thrown.message,
                    if stack.is_empty() { "" } else { "\n" }
                ))
            })?);
        }
        Ok(Self {
            dispatch,
            timer,
            modules: loaded,
            engine,
            routes,
            parts,
            host,
        })
    }

    fn call(
        &self,
        module: usize,
        method: &str,
        params: &[(String, &str)],
        request: &Request,
    ) -> std::result::Result<Response, Failure> {
        let Some(handler) = self.modules.get(module) else {
            return Err(Failure::Stuck);
        };
        let user = self.host.app_user();
        self.engine.context.with(|ctx| {
            let call = || -> rquickjs::Result<Promise> {
                let headers = Array::new(ctx.clone())?;
                for (index, (name, value)) in request.headers.iter().enumerate() {
                    headers.set(index, vec![name.as_str(), value.as_str()])?;
                }
                let values = Object::new(ctx.clone())?;
                for (name, value) in params {
                    values.set(name.as_str(), *value)?;
                }
                let body = TypedArray::<u8>::new(ctx.clone(), request.body.clone())?;
                let url = format!("http://app.local{}", request.url);
                let dispatch = self.dispatch.clone().restore(&ctx)?;
                dispatch.call((
                    handler.clone().restore(&ctx)?,
                    method,
                    url,
                    headers,
                    body,
                    values,
                    user.as_str(),
                ))
            };
            let promise = call()
                .catch(&ctx)
                .map_err(|caught| Failure::Thrown(Thrown::of(caught)))?;
            match settle::<Array>(&ctx, &promise, || run_timer(&ctx, &self.timer)) {
                Settled::Value(answer) => response(&answer)
                    .catch(&ctx)
                    .map_err(|caught| Failure::Thrown(Thrown::of(caught))),
                Settled::Thrown(thrown) => Err(Failure::Thrown(thrown)),
                Settled::Stuck => Err(Failure::Stuck),
            }
        })
    }
}

enum Failure {
    Thrown(Thrown),
    Stuck,
}

impl<H: Host> Server for Handlers<H> {
    fn handle(&mut self, request: Request) -> Result<Response> {
        let path = request.url.split(['?', '#']).next().unwrap_or("");
        let Some(path) = path
            .strip_prefix("/api")
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else {
            return Ok(problem(
                404,
                "not-found",
                "Server code answers below /api/.",
            ));
        };
        let found = self.routes.iter().enumerate().find_map(|(index, route)| {
            matches(&route.path, path).map(|params| (index, route, params))
        });
        let Some((index, route, params)) = found else {
            return Ok(problem(
                404,
                "not-found",
                &format!("No file in server/ answers at /api{path}."),
            ));
        };
        let wanted = request.method.to_ascii_uppercase();
        let has = |method: &str| route.methods.iter().any(|one| one == method);
        let method = if has(&wanted) {
            wanted.as_str()
        } else if wanted == "HEAD" && has("GET") {
            "GET"
        } else {
            let mut answer = problem(
                405,
                "method-not-allowed",
                &format!("{} does not export {wanted}.", route.module),
            );
            answer
                .headers
                .push(("allow".to_owned(), route.methods.join(", ")));
            return Ok(answer);
        };
        Ok(match self.call(index, method, &params, &request) {
            Ok(mut answer) => {
                if wanted == "HEAD" {
                    answer.body.clear();
                }
                answer
            }
            Err(failure) => {
                let thrown = match failure {
                    Failure::Thrown(thrown) => thrown,
                    Failure::Stuck => Thrown {
                        message: "The handler waits for something that never comes.".to_owned(),
                        stack: String::new(),
                    },
                };
                let mut stack = locate(&self.parts, &thrown.stack);
                if stack.is_empty() {
                    stack = format!("    at {method} ({})", route.module);
                }
                let mut answer = problem(500, "handler-failed", &thrown.message);
                let text = format!("{}\n{stack}", thrown.message);
                answer
                    .headers
                    .push(("x-labd-error".to_owned(), header_text(&text)));
                answer
            }
        })
    }
}

/// Text for a header, which holds one line of ASCII: other characters, and `%`, are escaped by
/// their UTF-8 bytes as `%0A`.
fn header_text(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars().take(2_000) {
        if (c.is_ascii_graphic() && c != '%') || c == ' ' {
            escaped.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    escaped
}

fn problem(status: u16, code: &str, message: &str) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: serde_json::json!({ "code": code, "message": message })
            .to_string()
            .into_bytes(),
    }
}

fn response(answer: &Array) -> rquickjs::Result<Response> {
    let headers: Vec<Vec<String>> = answer.get(1)?;
    let body: TypedArray<u8> = answer.get(2)?;
    Ok(Response {
        status: answer.get(0)?,
        headers: headers
            .into_iter()
            .filter_map(|pair| <[String; 2]>::try_from(pair).ok())
            .map(|[name, value]| (name, value))
            .collect(),
        body: bytes_of(&body),
    })
}

#[expect(
    unsafe_code,
    reason = "the bytes are copied before any JavaScript can run and move them"
)]
fn bytes_of(array: &TypedArray<u8>) -> Vec<u8> {
    array
        .as_raw()
        .map(|raw| unsafe { raw.as_ref() }.to_vec())
        .unwrap_or_default()
}

fn run_timer(ctx: &Ctx, timer: &Persistent<Function<'static>>) -> bool {
    timer
        .clone()
        .restore(ctx)
        .and_then(|timer| timer.call::<_, bool>(()))
        .unwrap_or(false)
}

/// The error's case, as the contract names it.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Denied(_) => "denied",
        Error::InvalidRequest(_) => "invalid-request",
        Error::Unauthenticated(_) => "unauthenticated",
        Error::RateLimited(_) => "rate-limited",
        Error::Overloaded => "overloaded",
        Error::Timeout => "timeout",
        Error::Cancelled => "cancelled",
        Error::Unavailable(_) => "unavailable",
        Error::NotFound(_) => "not-found",
        Error::Conflict(_) => "conflict",
        Error::Internal(_) => "internal",
    }
}

type Kept = Persistent<Function<'static>>;

/// Gives the context what handlers expect, and takes what the host calls.
fn prelude<'js, H: Host>(ctx: &Ctx<'js>, host: &H) -> rquickjs::Result<(Kept, Kept)> {
    let native = Object::new(ctx.clone())?;
    let queries = host.clone();
    native.set(
        "query",
        Function::new(
            ctx.clone(),
            move |ctx: Ctx<'js>, name: String, parameters: String| -> rquickjs::Result<String> {
                queries.app_query(&name, &parameters).map_err(|error| {
                    let fault = error.fault();
                    let text = serde_json::json!({
                        "code": code(&error),
                        "message": error.message(),
                        "position": fault.and_then(|fault| fault.position),
                        "hint": fault.and_then(|fault| fault.hint.as_deref()),
                    })
                    .to_string();
                    Exception::throw_message(&ctx, &text)
                })
            },
        )?,
    )?;
    let logger = host.clone();
    native.set(
        "log",
        Function::new(ctx.clone(), move |level: String, message: String| {
            let level = match level.as_str() {
                "error" => Level::Error,
                "warn" => Level::Warn,
                "debug" | "trace" => Level::Debug,
                _ => Level::Info,
            };
            logger.log(level, &message, &[]);
        })?,
    )?;
    native.set(
        "random",
        Function::new(
            ctx.clone(),
            |ctx: Ctx<'js>, count: usize| -> rquickjs::Result<TypedArray<'js, u8>> {
                let mut bytes = vec![0; count.min(65_536)];
                getrandom::fill(&mut bytes)
                    .map_err(|error| Exception::throw_message(&ctx, &error.to_string()))?;
                TypedArray::new(ctx, bytes)
            },
        )?,
    )?;
    native.set(
        "nests",
        Function::new(ctx.clone(), |json: String| nests(&json))?,
    )?;
    native.set(
        "encode",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, text: String| {
            TypedArray::<u8>::new(ctx, text)
        })?,
    )?;
    native.set(
        "decode",
        Function::new(ctx.clone(), |bytes: TypedArray<'js, u8>| {
            String::from_utf8_lossy(&bytes_of(&bytes)).into_owned()
        })?,
    )?;
    let setup: Function = ctx.eval(PRELUDE)?;
    let parts: Object = setup.call((native,))?;
    let keep = |name: &str| -> rquickjs::Result<Kept> {
        Ok(Persistent::save(ctx, parts.get::<_, Function>(name)?))
    };
    Ok((keep("dispatch")?, keep("runTimer")?))
}

/// Levels of JSON beyond which it is refused.
const MAX_LEVELS: usize = 500;

/// Whether a JSON text has more levels than that.
fn nests(json: &str) -> bool {
    let (mut level, mut quoted, mut escaped) = (0usize, false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => level += 1,
            b']' | b'}' if !quoted => level = level.saturating_sub(1),
            _ => {}
        }
        level > MAX_LEVELS
    })
}

/// A stack with the places of the source in place of those of the compiled code, without the
/// frames of the prelude.
fn locate(parts: &BTreeMap<String, Part>, stack: &str) -> String {
    let mut maps: BTreeMap<&str, Option<SourceMap>> = BTreeMap::new();
    let mut out = Vec::new();
    for line in stack.lines() {
        let line = line.trim_end();
        let Some((path, rest)) = parts.keys().find_map(|path| {
            line.find(&format!("({path}"))
                .map(|at| (path, at + 1 + path.len()))
        }) else {
            continue;
        };
        let numbers: Vec<u32> = line
            .get(rest..)
            .unwrap_or("")
            .trim_matches([':', ')'])
            .split(':')
            .filter_map(|number| number.parse().ok())
            .collect();
        let start = line.get(..rest).unwrap_or("");
        let map = maps.entry(path).or_insert_with(|| {
            parts
                .get(path)
                .and_then(|part| SourceMap::from_json_string(&part.map).ok())
        });
        let (Some(map), Some(number)) = (map, numbers.first()) else {
            out.push(line.to_owned());
            continue;
        };
        let table = map.generate_lookup_table();
        let column = numbers.get(1).copied().unwrap_or(1);
        let token =
            map.lookup_token_approx(&table, number.saturating_sub(1), column.saturating_sub(1));
        match token {
            Some(token) => out.push(format!(
                "{start}:{}:{})",
                token.get_src_line() + 1,
                token.get_src_col() + 1
            )),
            None => out.push(line.to_owned()),
        }
    }
    out.join("\n")
}

/// Names are already resolved by `prepare`.
struct Own;

impl Resolver for Own {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        _base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok(name.to_owned())
    }
}

struct Parts(Rc<BTreeMap<String, Part>>);

impl Loader for Parts {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let package = || {
            vendor::SERVER_MODULES
                .iter()
                .find(|(package, _)| *package == name)
                .map(|(_, code)| *code)
        };
        match self
            .0
            .get(name)
            .map(|part| part.code.as_str())
            .or_else(package)
        {
            Some(code) => Module::declare(ctx.clone(), name, code),
            None => Err(Exception::throw_reference(
                ctx,
                &format!("there is no module {name}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_are_no_levels() {
        assert!(nests(&"[".repeat(501)));
        assert!(!nests(&"[]".repeat(501)));
        assert!(!nests(&format!(
            "\"{}\\\"{}\"",
            "[".repeat(600),
            "{".repeat(600)
        )));
        assert!(nests(&format!("[\"\\\\\", {}", "{".repeat(501))));
    }
}
