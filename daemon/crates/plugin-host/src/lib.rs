//! The plugin host: engine, contracts, grants, limits, egress and instance pools.
