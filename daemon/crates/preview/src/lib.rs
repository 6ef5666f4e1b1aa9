//! Running apps: their sandbox, origin, live reload and errors.
