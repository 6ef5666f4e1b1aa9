//! The doors: HTTP with its events and the console, tarpc over the Unix socket.
