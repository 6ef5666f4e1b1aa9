//! A project as a zip file that runs outside labd: a Vite project with a small server.
//!
//! ```text
//! <name>/app.json src/ queries/ server/ public/     the project's files
//! <name>/package.json vite.config.ts index.html tsconfig.json README.md .env.example .gitignore
//! <name>/export/                                    the server, the database, the styles
//! <name>/vendor/labd-data  vendor/labd-ui           @labd/data and @labd/ui as source
//! ```
//! The same project gives the same bytes. There is no connection and no secret in it: the source's
//! dialect alone chooses the driver and the example in `.env.example`.

use super::files::Files;
use crate::{Builder, ports::ExportKit};
use bytes::Bytes;
use labd_protocol::{ApiError, ErrorCode, ProjectId, SnapshotId};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Files that are the same in every export.
const SAME: [(&str, &str); 7] = [
    ("vite.config.ts", include_str!("vite.config.ts")),
    ("tsconfig.json", include_str!("tsconfig.json")),
    ("export/main.ts", include_str!("main.ts")),
    ("export/routes.ts", include_str!("routes.ts")),
    ("export/server.mjs", include_str!("server.mjs")),
    ("export/query.mjs", include_str!("query.mjs")),
    ("export/database.mjs", include_str!("database.mjs")),
];

/// A state of a project as it runs outside labd.
#[derive(Clone, Debug)]
pub struct ExportedProject {
    /// The project's name.
    pub name: String,
    /// The same for a folder, a package, a site: lower-case letters, digits and hyphens.
    pub slug: String,
    /// Which state it is.
    pub snapshot: SnapshotId,
    /// What that state is about.
    pub message: String,
    /// All files, by path.
    pub files: BTreeMap<String, Bytes>,
}

impl Builder {
    /// The project's head as a zip file that runs outside labd, without secrets.
    ///
    /// # Errors
    /// When there is no such project, or it has no files yet.
    pub async fn project_export(&self, project: ProjectId) -> Result<Bytes, ApiError> {
        let exported = self.project_files(project, None).await?;
        tokio::task::spawn_blocking(move || pack(&exported.slug, &exported.files))
            .await
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?
            .map_err(|error| {
                ApiError::new(
                    ErrorCode::Internal,
                    format!("The zip file could not be written: {error}"),
                )
            })
    }

    /// What such a zip file holds, of the head or of another state.
    ///
    /// # Errors
    /// When there is no such project or state, or it has no files yet.
    pub async fn project_files(
        &self,
        project: ProjectId,
        snapshot: Option<SnapshotId>,
    ) -> Result<ExportedProject, ApiError> {
        let record = self.repo().project(project)?;
        let Some(id) = snapshot.or(record.head) else {
            let message = "The project has no files yet. Ask for an app first, then export it.";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        };
        let message = self.repo().snapshot(project, id)?.message;
        let state = self.repo().state(project, Some(id)).await?;
        let dialect = match record.source {
            // A source that is gone leaves the choice of the database to whoever runs the app.
            Some(source) => self
                .sources()
                .source(source)
                .await
                .ok()
                .map(|source| source.dialect),
            None => None,
        };
        let kit = self.kit().map(ExportKit::files).unwrap_or_default();
        Ok(ExportedProject {
            files: contents(&record.name, dialect.as_deref(), &state.files, kit),
            slug: slug(&record.name),
            name: record.name,
            snapshot: id,
            message,
        })
    }
}

/// All files of the export. Those of the project never replace those that make it run.
fn contents(
    name: &str,
    dialect: Option<&str>,
    app: &Files,
    kit: Vec<(String, Bytes)>,
) -> BTreeMap<String, Bytes> {
    let mut files: BTreeMap<String, Bytes> = app.map().clone();
    let mut add = |path: &str, content: String| files.insert(path.to_owned(), content.into());
    for (path, content) in SAME {
        add(path, content.to_owned());
    }
    add("package.json", package(name, dialect));
    add("index.html", page(name));
    add("export/styles.css", styles(!kit.is_empty()));
    add(".env.example", environment(dialect));
    add(
        ".gitignore",
        "node_modules/\ndist/\ndist-server/\n.env\n.env.*\n!.env.example\n".to_owned(),
    );
    add("README.md", readme(name, dialect, !kit.is_empty()));
    for (path, content) in kit {
        files.insert(format!("vendor/{path}"), content);
    }
    files
}

fn pack(folder: &str, files: &BTreeMap<String, Bytes>) -> Result<Bytes, zip::result::ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (path, content) in files {
        zip.start_file(format!("{folder}/{path}"), options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner().into())
}

/// A name for a folder and a package.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(60);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "app".to_owned()
    } else {
        slug.to_owned()
    }
}

fn package(name: &str, dialect: Option<&str>) -> String {
    let mut dependencies = BTreeMap::from([
        ("@tanstack/react-table", "^8.21.3"),
        ("date-fns", "^4.4.0"),
        ("lucide-react", "^1.75.0"),
        ("react", "^19.3.1"),
        ("react-dom", "^19.3.1"),
        ("recharts", "^3.10.1"),
        ("zod", "^4.6.7"),
    ]);
    let drivers = [
        ("sqlite", "libsql", "^0.5.29"),
        ("postgresql", "pg", "^8.23.1"),
    ];
    for (of, driver, version) in drivers {
        if dialect.is_none_or(|dialect| dialect == of) {
            dependencies.insert(driver, version);
        }
    }
    let package = json!({
        "name": slug(name),
        "private": true,
        "version": "0.1.0",
        "type": "module",
        "scripts": {
            "dev": "node --env-file=.env node_modules/vite/bin/vite.js",
            "build": "vite build && vite build --ssr export/routes.ts --outDir dist-server",
            "start": "node --env-file=.env export/server.mjs"
        },
        "dependencies": dependencies,
        "devDependencies": {
            "@tailwindcss/vite": "^4.3.5",
            "@types/react": "^19.3.0",
            "@types/react-dom": "^19.3.0",
            "@vitejs/plugin-react": "^6.3.0",
            "tailwindcss": "^4.3.5",
            "typescript": "^5.9.3",
            "vite": "^8.3.8"
        },
        "engines": { "node": ">=20.19" }
    });
    format!("{package:#}\n")
}

fn page(name: &str) -> String {
    let title = name.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n    <title>{title}</title>\n  </head>\n  <body>\n    <div id=\"root\"></div>\n    <script type=\"module\" src=\"/export/main.ts\"></script>\n  </body>\n</html>\n"
    )
}

fn styles(kit: bool) -> String {
    let mut styles = String::from("@import \"tailwindcss\";\n@source \"../src\";\n");
    if kit {
        styles
            .push_str("@import \"../vendor/labd-ui/theme.css\";\n@source \"../vendor/labd-ui\";\n");
    }
    styles
}

fn environment(dialect: Option<&str>) -> String {
    let url = match dialect {
        Some("sqlite") => "sqlite:///absolute/path/to/database.db",
        _ => "postgres://user:password@host:5432/database",
    };
    format!(
        "# Copy this file to .env, which is never committed.\n# The role should be able to read only what the app shows.\nDATABASE_URL={url}\nPORT=3000\nHOST=127.0.0.1\n"
    )
}

fn readme(name: &str, dialect: Option<&str>, kit: bool) -> String {
    let mut text = format!(
        "# {name}\n\nMade with labd. Needs Node 20.19 or later.\n\n```sh\ncp .env.example .env   # then enter the database's address\nnpm install\nnpm run build\nnpm start\n```\n\nTo work on it, run `npm run dev` instead of the last two.\n\n- `src/` is the app, `queries/` its named queries, `server/` its own routes below `/api/`.\n- `export/server.mjs` runs the queries in read-only transactions. It does not ask who is calling: put it behind your own sign-in before others can reach it.\n"
    );
    if !matches!(dialect, None | Some("sqlite" | "postgresql")) {
        text.push_str("- `export/database.mjs` knows PostgreSQL and SQLite. Add a driver for your database there.\n");
    }
    if kit {
        text.push_str(
            "- `vendor/` holds `@labd/data` and `@labd/ui` as source; they are yours to change.\n",
        );
    } else {
        text.push_str("- `@labd/data` and `@labd/ui` are missing from this export, and the app does not build without them: copy the folders `data` and `ui` of `plugins/sandbox-web/vendor/src` in labd's sources to `vendor/labd-data` and `vendor/labd-ui`, and add `@import \"../vendor/labd-ui/theme.css\"; @source \"../vendor/labd-ui\";` to `export/styles.css`.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kit_comes_along_and_is_used() {
        let kit = vec![("labd-ui/theme.css".to_owned(), Bytes::from_static(b"css"))];
        let with = contents("Shop", Some("postgresql"), &Files::default(), kit);
        assert_eq!(with["vendor/labd-ui/theme.css"], "css");
        let text = |path: &str| String::from_utf8_lossy(&with[path]).into_owned();
        assert!(text("export/styles.css").contains("vendor/labd-ui/theme.css"));
        assert!(!text("README.md").contains("missing"));
        assert!(
            text("package.json").contains("\"pg\"") && !text("package.json").contains("sqlite")
        );
        assert!(text(".env.example").contains("DATABASE_URL=postgres://"));
    }

    #[test]
    fn a_name_becomes_a_folder() {
        for (name, folder) in [
            ("Shop figures 2025!", "shop-figures-2025"),
            ("../..", "app"),
            ("Größe", "gr-e"),
        ] {
            assert_eq!(slug(name), folder);
        }
    }
}
