//! The app's style sheet: its own CSS and the Tailwind classes that it uses, compiled by Tailwind
//! itself, which runs in QuickJS and is kept warm.
//!
//! The compiler only ever adds classes. That is what makes a change cheap, and it means that a
//! class no longer used may linger; when many do, the compiler starts afresh.

use crate::engine::{Engine, Settled, Thrown, fault, settle};
use labd_plugin::Result;
use rquickjs::{CatchResultExt, Function, Object, Persistent, Promise};
use std::collections::BTreeSet;

const COMPILER: &str = include_str!("../generated/tailwind.js");

/// Words that may be gone before the compiler starts afresh. Most words are no classes at all.
const LINGERING: usize = 400;

/// A style sheet of the app: path and text.
pub type Sheet = (String, String);

/// A warm compiler.
pub struct Styles {
    // Before the engine: what is kept of it must go first.
    build: Option<Persistent<Function<'static>>>,
    engine: Engine,
    sheets: Vec<Sheet>,
    added: BTreeSet<String>,
    css: String,
}

impl Styles {
    /// Loads the compiler, which takes some hundred milliseconds.
    ///
    /// # Errors
    /// `internal` when the compiler does not load.
    pub fn new() -> Result<Self> {
        let engine = Engine::new()?;
        engine
            .context
            .with(|ctx| ctx.eval::<(), _>(COMPILER).catch(&ctx).map_err(fault))?;
        let mut styles = Self {
            build: None,
            engine,
            sheets: Vec::new(),
            added: BTreeSet::new(),
            css: String::new(),
        };
        styles.open().map_err(|thrown| fault(thrown.message))?;
        Ok(styles)
    }

    /// Adds class candidates ahead of time; a fault shows at the next [`Styles::compile`].
    pub fn warm<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) {
        if let Err(Thrown { .. }) = self.add(words) {
            self.build = None;
        }
    }

    /// The CSS for these sheets, in the order of their import, and these words.
    ///
    /// # Errors
    /// What Tailwind has to say against a sheet.
    pub fn compile(
        &mut self,
        sheets: &[Sheet],
        words: &BTreeSet<&str>,
    ) -> std::result::Result<&str, Thrown> {
        let gone = self
            .added
            .iter()
            .filter(|word| !words.contains(word.as_str()))
            .take(LINGERING + 1)
            .count();
        if self.build.is_none() || self.sheets != sheets || gone > LINGERING {
            self.sheets = sheets.to_vec();
            self.open()?;
        }
        if let Err(thrown) = self.add(words.iter().copied()) {
            self.build = None;
            return Err(thrown);
        }
        Ok(&self.css)
    }

    fn open(&mut self) -> std::result::Result<(), Thrown> {
        self.build = None;
        self.added.clear();
        self.css.clear();
        let sheets: Vec<Vec<&str>> = self
            .sheets
            .iter()
            .map(|(path, text)| vec![path.as_str(), text.as_str()])
            .collect();
        let build = self.engine.context.with(|ctx| {
            let open = || -> rquickjs::Result<Promise> {
                let tailwind: Object = ctx.globals().get("__tailwind")?;
                tailwind.get::<_, Function>("open")?.call((sheets,))
            };
            let promise = open().catch(&ctx).map_err(Thrown::of)?;
            match settle::<Function>(&ctx, &promise, || false) {
                Settled::Value(build) => Ok(Persistent::save(&ctx, build)),
                Settled::Thrown(thrown) => Err(thrown),
                Settled::Stuck => Err(Thrown {
                    message: "The style compiler gave no answer.".to_owned(),
                    stack: String::new(),
                }),
            }
        })?;
        self.build = Some(build);
        Ok(())
    }

    fn add<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w str>,
    ) -> std::result::Result<(), Thrown> {
        let Some(build) = self.build.clone() else {
            return Ok(());
        };
        let new: Vec<&str> = words
            .into_iter()
            .filter(|word| !self.added.contains(*word))
            .collect();
        if new.is_empty() && !self.css.is_empty() {
            return Ok(());
        }
        self.css = self.engine.context.with(|ctx| {
            let call = || -> rquickjs::Result<String> {
                build.restore(&ctx)?.call((new.as_slice().to_vec(),))
            };
            call().catch(&ctx).map_err(Thrown::of)
        })?;
        self.added.extend(new.into_iter().map(str::to_owned));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(list: &[&'a str]) -> BTreeSet<&'a str> {
        list.iter().copied().collect()
    }

    #[test]
    fn classes_become_rules_and_other_words_do_not() {
        let mut styles = Styles::new().unwrap();
        let css = styles
            .compile(
                &[],
                &words(&[
                    "p-4",
                    "hello",
                    "dark:bg-red-500",
                    "bg-surface",
                    "md:grid-cols-[1fr_2fr]",
                ]),
            )
            .unwrap();
        for part in [
            ".p-4",
            ".bg-surface",
            "prefers-color-scheme",
            "grid-template-columns: 1fr 2fr",
            "--color-red-500",
        ] {
            assert!(css.contains(part), "{part}");
        }
        assert!(!css.contains("hello"));
        let length = css.len();
        assert_eq!(
            styles
                .compile(&[], &words(&["p-4", "bg-surface"]))
                .unwrap()
                .len(),
            length
        );
    }

    #[test]
    fn the_apps_own_sheet_may_apply_and_extend_the_theme() {
        let mut styles = Styles::new().unwrap();
        let sheet = ("src/app.css".to_owned(), "@import 'tailwindcss'; @import './more.css'; @theme { --color-brand: #123456; } .big { @apply p-8 text-brand; }".to_owned());
        let more = ("src/more.css".to_owned(), ".more { color: red }".to_owned());
        let css = styles
            .compile(&[sheet, more], &words(&["bg-brand"]))
            .unwrap();
        for part in [".big", "#123456", ".bg-brand", ".more"] {
            assert!(css.contains(part), "{part}");
        }
    }

    #[test]
    fn a_bad_sheet_is_a_fault_and_the_next_one_works() {
        let mut styles = Styles::new().unwrap();
        let sheet = |text: &str| [("src/app.css".to_owned(), text.to_owned())];
        let fault = styles
            .compile(&sheet(".a { @apply no-such-thing; }"), &words(&[]))
            .unwrap_err();
        assert!(fault.message.contains("no-such-thing"), "{fault:?}");
        assert!(
            styles
                .compile(&sheet(".a { color: red"), &words(&[]))
                .is_err()
        );
        assert!(
            styles
                .compile(&sheet(".a { @apply p-2; }"), &words(&[]))
                .unwrap()
                .contains(".a")
        );
    }
}
