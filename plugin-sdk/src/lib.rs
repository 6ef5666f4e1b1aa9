//! Write labd plugins: one trait per kind, one macro to export it.
