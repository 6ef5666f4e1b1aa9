//! The types of RPC and HTTP, error codes, and the tarpc service with its transport.
