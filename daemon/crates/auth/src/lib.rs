//! Who may call: tokens, sessions, sign-in links and preview tickets.
