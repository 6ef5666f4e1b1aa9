//! The sandbox: checking and compiling an app.

use crate::{
    Result,
    figures::{Amount, Figures, Samples},
    plugins::Plugins,
};
use labd_plugin_host::kinds::sandbox::{Change, SourceFile};
use labd_tests::repository::sample_app;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const TIMES: usize = 60;

/// The sample app in a workspace that is open, as it is from the first turn of a project on.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let plugins = Plugins::start().await?;
    let sandbox = plugins
        .host
        .sandbox("labd.sandbox-web")
        .ok_or("there is no sandbox plugin")?;
    let mut workspace = sandbox.open_workspace("bench").await?;
    let app = sample_app()?;
    let files = app.len();
    workspace.prepare(change(&app, 0, true)).await?;

    let mut everything = Samples::default();
    let mut one = Samples::default();
    for time in 1..=TIMES {
        for (samples, all) in [(&mut everything, true), (&mut one, false)] {
            // Every file differs from the last time, so that nothing is answered from memory.
            let next = change(&app, time * 2 + usize::from(all), all);
            let start = Instant::now();
            let prepared = workspace.prepare(next).await?;
            samples.push(start.elapsed());
            if prepared.manifest.is_none() {
                return Err(format!("the app is faulty: {:?}", prepared.diagnostics).into());
            }
        }
    }
    figures.goal(
        &format!("`prepare` of an app of {files} files, all changed, warm, p50"),
        Amount::Time(Duration::from_millis(15)),
        Amount::Time(everything.p50()),
        format!("p95 {}", Amount::Time(everything.p95())),
    );
    figures.plain(
        "the same, one file changed",
        Amount::Time(one.p50()),
        format!("p95 {}", Amount::Time(one.p95())),
    );
    Ok(())
}

/// All files, or only a page, with a class and a remark that differ each time.
fn change(app: &BTreeMap<String, String>, time: usize, all: bool) -> Change {
    let changed = app
        .iter()
        .filter(|(path, _)| all || path.ends_with("Overview.tsx"))
        .map(|(path, content)| {
            let content = match path.rsplit('.').next() {
                // Another class too, so that the style sheet is made anew.
                Some("tsx") => {
                    let content = content.replace("\"w-40\"", &format!("\"w-[{time}px]\""));
                    format!("{content}\n// {time}\n")
                }
                Some("ts") => format!("{content}\n// {time}\n"),
                Some("sql") => format!("{content}\n-- {time}\n"),
                _ => content.replacen("Revenue", &format!("Revenue {time}"), 1),
            };
            SourceFile {
                path: path.clone(),
                content: content.into(),
            }
        })
        .collect();
    Change {
        changed,
        removed: Vec::new(),
    }
}
