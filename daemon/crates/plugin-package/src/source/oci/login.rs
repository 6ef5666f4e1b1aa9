//! Who asks a registry: a user name and a password, given or kept by `docker login`.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use std::{collections::BTreeMap, env, fmt, fs, path::PathBuf};
use zeroize::Zeroizing;

/// A user name and a password.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, or a token.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({:?}, [sealed])", self.username)
    }
}

impl Login {
    /// Of these two.
    pub fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    pub(super) fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.username, *self.password));
        Zeroizing::new(format!("Basic {}", BASE64.encode(&*pair)))
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    #[serde(default)]
    auth: String,
}

/// What `docker login` or `oras login` keeps for a registry in `$DOCKER_CONFIG/config.json`, or else
/// `~/.docker/config.json`. Programs that keep passwords elsewhere (`credHelpers`) are not run.
pub fn docker_login(registry: &str) -> Option<Login> {
    let folder = env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".docker")))?;
    let text = Zeroizing::new(fs::read_to_string(folder.join("config.json")).ok()?);
    from_config(&text, registry)
}

fn from_config(text: &str, registry: &str) -> Option<Login> {
    let config: DockerConfig = serde_json::from_str(text).ok()?;
    let auth = config.auths.get(registry)?;
    let pair = Zeroizing::new(String::from_utf8(BASE64.decode(&auth.auth).ok()?).ok()?);
    let (username, password) = pair.split_once(':')?;
    Some(Login::new(username, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_of_docker_is_for_its_registry_only_and_shown_nowhere() {
        let text = format!(
            r#"{{"auths": {{"registry.example": {{"auth": "{}"}}}}}}"#,
            BASE64.encode("ann:se:cret")
        );
        let login = from_config(&text, "registry.example").unwrap();
        assert_eq!((&*login.username, &**login.password), ("ann", "se:cret"));
        assert!(!format!("{login:?}").contains("cret"));
        assert!(from_config(&text, "other.example").is_none());
        assert!(from_config("{}", "registry.example").is_none());
    }
}
