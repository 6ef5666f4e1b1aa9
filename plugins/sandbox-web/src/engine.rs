//! A QuickJS runtime and what both of its uses (Tailwind, server code) need.

use labd_plugin::{Error, Result};
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Exception, FromJs, Promise, Runtime};

/// Bytes of the C stack that JavaScript may use before it gets `RangeError: Maximum call stack
/// size exceeded`. Well below what the linker gives the whole plugin (`build.rs`), and below the
/// daemon's own limit for the machine stack, which a recursion uses at about the same rate.
const STACK: usize = 192 * 1024;

/// A runtime with one context.
pub struct Engine {
    // Dropped in this order: the context before its runtime.
    /// Where code runs.
    pub context: Context,
    /// What it runs on.
    pub runtime: Runtime,
}

impl Engine {
    /// An empty one.
    ///
    /// # Errors
    /// `internal` when QuickJS gets no memory.
    pub fn new() -> Result<Self> {
        let runtime = Runtime::new().map_err(fault)?;
        runtime.set_max_stack_size(STACK);
        let context = Context::full(&runtime).map_err(fault)?;
        Ok(Self { context, runtime })
    }
}

/// A fault of ours, not of the app.
pub fn fault(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("QuickJS: {error}"))
}

/// A JavaScript exception as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// `TypeError: x is not a function`.
    pub message: String,
    /// `    at name (file:line:column)` lines; empty when what was thrown has none.
    pub stack: String,
}

impl Thrown {
    /// Describes what was caught.
    #[must_use]
    pub fn of(caught: CaughtError) -> Self {
        match caught {
            CaughtError::Exception(exception) => Self::of_exception(&exception),
            CaughtError::Value(value) => {
                let text = value.as_string().and_then(|text| text.to_string().ok());
                Self {
                    message: text.unwrap_or_else(|| format!("{value:?} was thrown")),
                    stack: String::new(),
                }
            }
            CaughtError::Error(error) => Self {
                message: error.to_string(),
                stack: String::new(),
            },
        }
    }

    fn of_exception(exception: &Exception) -> Self {
        let name: String = exception
            .as_object()
            .get("name")
            .unwrap_or_else(|_| "Error".to_owned());
        let message = exception.message().unwrap_or_default();
        let message = if message.is_empty() {
            name
        } else {
            format!("{name}: {message}")
        };
        Self {
            message,
            stack: exception.stack().unwrap_or_default(),
        }
    }
}

/// What a promise came to.
pub enum Settled<T> {
    /// Its value.
    Value(T),
    /// What it was rejected with.
    Thrown(Thrown),
    /// Nothing can settle it any more.
    Stuck,
}

/// Runs jobs until the promise is settled; `idle` is asked for more work (timers) when there is
/// none left, and says whether it had some.
pub fn settle<'js, T: FromJs<'js>>(
    ctx: &Ctx<'js>,
    promise: &Promise<'js>,
    mut idle: impl FnMut() -> bool,
) -> Settled<T> {
    loop {
        if let Some(result) = promise.result::<T>() {
            return match result.catch(ctx) {
                Ok(value) => Settled::Value(value),
                Err(caught) => Settled::Thrown(Thrown::of(caught)),
            };
        }
        if !ctx.execute_pending_job() && !idle() {
            return Settled::Stuck;
        }
    }
}
