//! Generated from `wit/`, contract version 0.1. Only [`crate::adapt`] and [`crate::capabilities`]
//! see these types.
//!
//! Imports and exports are generated apart: a capability is linked for a plugin that may use it,
//! whatever its kind, and a kind is only what it exports.

/// What the host offers.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        inline: "
            package labd:bind;
            world host {
                import labd:host/log@0.1.0;
                import labd:host/clock@0.1.0;
                import labd:host/app@0.1.0;
                import labd:host/http@0.1.0;
                import labd:host/net@0.1.0;
                import labd:host/sqlite@0.1.0;
                import labd:host/bundle@0.1.0;
            }
        ",
        path: ["../../../wit/common", "../../../wit/host"],
        world: "labd:bind/host",
        imports: { default: async | trappable },
        with: {
            "labd:host/http.body": crate::egress::Body,
            "labd:host/net.conn": crate::net::Conn,
            "labd:host/net.secret": crate::net::Secret,
            "labd:host/sqlite.database": crate::sqlite::Database,
            "labd:host/sqlite.statement": crate::sqlite::Statement,
        },
    });
}

/// What a provider exports.
pub(crate) mod ai {
    wasmtime::component::bindgen!({
        inline: "package labd:bind; world provider { export labd:ai-provider/provider@0.1.0; }",
        path: ["../../../wit/common", "../../../wit/host", "../../../wit/ai-provider"],
        world: "labd:bind/provider",
        exports: { default: async },
        with: { "labd:common/errors@0.1.0": crate::bindings::host::labd::common::errors },
    });
}

/// What a connector exports.
pub(crate) mod connector {
    wasmtime::component::bindgen!({
        inline: "package labd:bind; world connector { export labd:connector/connector@0.1.0; }",
        path: ["../../../wit/common", "../../../wit/host", "../../../wit/connector"],
        world: "labd:bind/connector",
        exports: { default: async },
        with: { "labd:common/errors@0.1.0": crate::bindings::host::labd::common::errors },
    });
}

/// What a sandbox exports.
pub(crate) mod sandbox {
    wasmtime::component::bindgen!({
        inline: "package labd:bind; world sandbox { export labd:sandbox/sandbox@0.1.0; }",
        path: ["../../../wit/common", "../../../wit/host", "../../../wit/sandbox"],
        world: "labd:bind/sandbox",
        exports: { default: async },
        with: { "labd:common/errors@0.1.0": crate::bindings::host::labd::common::errors },
    });
}

/// What a deployer exports.
pub(crate) mod deployer {
    wasmtime::component::bindgen!({
        inline: "package labd:bind; world deployer { export labd:deployer/deployer@0.1.0; }",
        path: ["../../../wit/common", "../../../wit/host", "../../../wit/deployer"],
        world: "labd:bind/deployer",
        exports: { default: async },
        with: { "labd:common/errors@0.1.0": crate::bindings::host::labd::common::errors },
    });
}

pub(crate) use host::labd::common::errors as wire;
