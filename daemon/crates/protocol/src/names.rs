//! What people call things.

use crate::ApiError;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// A name as it is kept: one line of 1 to 100 characters, without blanks around it.
///
/// # Errors
/// `invalid_request` for the field `name`, with the rule in the words of `what` it is for.
///
/// ```
/// assert_eq!(labd_protocol::name("source", " Shop ")?, "Shop");
/// assert!(labd_protocol::name("source", "two\nlines").is_err());
/// # Ok::<_, labd_protocol::ApiError>(())
/// ```
pub fn name(what: &str, text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            "name",
            format!("A {what}'s name has 1 to {LONGEST} characters, in one line."),
        ));
    }
    Ok(name.to_owned())
}
