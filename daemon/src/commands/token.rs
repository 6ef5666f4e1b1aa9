//! Access tokens.

use super::{Client, quick, show};
use crate::{cli::TokenCommand, failure::Failure, output};
use labd_protocol::{ApiError, TokenCreate, answer};
use serde_json::json;

pub(super) async fn run(client: &Client, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { name, days } => {
            let create = TokenCreate {
                name,
                expires_in: days.map(|days| days.saturating_mul(24 * 60 * 60)),
            };
            let created = answer(client.labd.token_create(quick(), create).await)?;
            show(client, &created, |created| {
                output::line(created.token.expose())
            })
        }
        TokenCommand::List => {
            let tokens = answer(client.labd.tokens(quick()).await)?;
            show(client, &tokens, |tokens| {
                let time = |time: Option<_>| time.map(|time: jiff::Timestamp| time.to_string());
                let rows: Vec<_> = tokens
                    .iter()
                    .map(|token| {
                        vec![
                            token.name.clone(),
                            token.created_at.to_string(),
                            time(token.expires_at).unwrap_or_else(|| "never".to_owned()),
                            time(token.last_used_at).unwrap_or_else(|| "never".to_owned()),
                            token.id.to_string(),
                        ]
                    })
                    .collect();
                output::table(&["name", "made", "expires", "last used", "id"], &rows)
            })
        }
        TokenCommand::Revoke { token } => {
            let token = token.parse().map_err(|_| {
                ApiError::invalid(
                    "token",
                    "Name the token by its id, as `labd token list` shows it.",
                )
            })?;
            answer(client.labd.token_remove(quick(), token).await)?;
            if client.json {
                return output::json(&json!({ "revoked": token }));
            }
            output::line("It is revoked.")
        }
    }
}
