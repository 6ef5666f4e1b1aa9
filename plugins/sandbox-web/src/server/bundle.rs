//! What `prepare` hands to `load`: the modules of the server code and its routes, as JSON.

use labd_plugin::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Functions that answer a request.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The loadable server code of an app.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bundle {
    /// By path.
    pub modules: BTreeMap<String, Part>,
    /// The more exact ones first.
    pub routes: Vec<Route>,
}

/// A module.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part {
    /// JavaScript whose imports name paths of `modules`, or packages.
    pub code: String,
    /// Its source map.
    pub map: String,
}

/// A file that answers requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `orders/[id]`.
    pub path: String,
    /// The module.
    pub module: String,
    /// `GET`, …
    pub methods: Vec<String>,
}

impl Bundle {
    /// As bytes.
    ///
    /// # Errors
    /// `internal`, never for what `prepare` puts together.
    pub fn write(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|fault| Error::Internal(fault.to_string()))
    }

    /// From the bytes of [`Bundle::write`].
    ///
    /// # Errors
    /// `invalid-request` for anything else.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|fault| Error::invalid(format!("This is no server bundle: {fault}")))
    }
}

/// The route of a file below `server/`; none for files whose name begins with `_`, and for tests.
#[must_use]
pub fn route_of(path: &str) -> Option<String> {
    let stem = path.strip_prefix("server/")?;
    let stem = [".ts", ".tsx", ".js"]
        .iter()
        .find_map(|ending| stem.strip_suffix(ending))?;
    if stem.split('/').any(|part| part.starts_with('_'))
        || stem.ends_with(".test")
        || stem.ends_with(".d")
    {
        return None;
    }
    let route = stem
        .strip_suffix("index")
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .unwrap_or(stem);
    Some(route.trim_end_matches('/').to_owned())
}

/// The methods among a module's exports.
#[must_use]
pub fn methods_of(exports: &[String]) -> Vec<String> {
    METHODS
        .iter()
        .filter(|method| exports.iter().any(|name| name == *method))
        .map(|method| (*method).to_owned())
        .collect()
}

/// Sorts routes so that the first match is the most exact one: written parts before `[name]`.
pub fn sort(routes: &mut [Route]) {
    routes.sort_by_key(|route| {
        route
            .path
            .split('/')
            .map(|part| (part.starts_with('['), part.to_owned()))
            .collect::<Vec<_>>()
    });
}

/// The values of the `[name]` parts when the route is that of this path.
#[must_use]
pub fn matches<'p>(route: &str, path: &'p str) -> Option<Vec<(String, &'p str)>> {
    let wanted: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
    let given: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut params = Vec::new();
    for (want, have) in wanted.into_iter().zip(given) {
        match want
            .strip_prefix('[')
            .and_then(|part| part.strip_suffix(']'))
        {
            Some(name) => params.push((name.to_owned(), have)),
            None if want == have => {}
            None => return None,
        }
    }
    Some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_routes() {
        assert_eq!(
            route_of("server/orders/summary.ts").as_deref(),
            Some("orders/summary")
        );
        assert_eq!(
            route_of("server/orders/index.ts").as_deref(),
            Some("orders")
        );
        assert_eq!(route_of("server/index.ts").as_deref(), Some(""));
        assert_eq!(route_of("server/reindex.ts").as_deref(), Some("reindex"));
        assert_eq!(route_of("server/_lib/money.ts"), None);
        assert_eq!(route_of("src/a.ts"), None);
    }

    #[test]
    fn the_more_exact_route_wins() {
        let route = |path: &str| Route {
            path: path.to_owned(),
            module: String::new(),
            methods: vec![],
        };
        let mut routes = vec![
            route("orders/[id]"),
            route("orders/summary"),
            route("[any]"),
        ];
        sort(&mut routes);
        let first = |path: &'static str| {
            routes.iter().find_map(|route| {
                matches(&route.path, path).map(|params| (route.path.clone(), params))
            })
        };
        assert_eq!(first("orders/summary").unwrap().0, "orders/summary");
        assert_eq!(
            first("orders/7").unwrap(),
            ("orders/[id]".to_owned(), vec![("id".to_owned(), "7")])
        );
        assert_eq!(first("a/b/c"), None);
    }
}
