//! What the generator makes of `wit/`. Authors never see it: each kind's module re-exports what
//! it needs.
//!
//! All imports and shared types are generated once, in `base`; the kinds are mapped onto them.
//! An import that is never called leaves no trace in the component, and the description of a
//! kind's exports is emitted by its export macro only: so a plugin imports what it calls and
//! exports its own kind, although all of them are compiled here.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::restriction)]

pub mod base {
    wit_bindgen::generate!({
        inline: "
            package labd:sdk;
            world base {
                import labd:common/errors@0.1.0;
                import labd:host/log@0.1.0;
                import labd:host/clock@0.1.0;
                import labd:host/http@0.1.0;
                import labd:host/net@0.1.0;
                import labd:host/sqlite@0.1.0;
                import labd:host/app@0.1.0;
                import labd:host/bundle@0.1.0;
            }
        ",
        path: ["../wit/common", "../wit/host"],
        world: "base",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
        additional_derives_ignore: ["response"],
    });
}

pub mod ai {
    wit_bindgen::generate!({
        path: ["../wit/common", "../wit/host", "../wit/ai-provider"],
        world: "labd:ai-provider/ai-provider-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_ai_provider",
        default_bindings_module: "labd_plugin::bindings::ai",
        additional_derives: [PartialEq],
        with: {
            "labd:common/errors@0.1.0": super::base::labd::common::errors,
            "labd:host/log@0.1.0": super::base::labd::host::log,
            "labd:host/clock@0.1.0": super::base::labd::host::clock,
            "labd:host/http@0.1.0": super::base::labd::host::http,
        },
    });
}

pub mod connector {
    wit_bindgen::generate!({
        path: ["../wit/common", "../wit/host", "../wit/connector"],
        world: "labd:connector/connector-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_connector",
        default_bindings_module: "labd_plugin::bindings::connector",
        additional_derives: [PartialEq],
        additional_derives_ignore: ["rows"],
        with: {
            "labd:common/errors@0.1.0": super::base::labd::common::errors,
            "labd:host/log@0.1.0": super::base::labd::host::log,
            "labd:host/clock@0.1.0": super::base::labd::host::clock,
            "labd:host/net@0.1.0": super::base::labd::host::net,
            "labd:host/sqlite@0.1.0": super::base::labd::host::sqlite,
            "labd:host/http@0.1.0": super::base::labd::host::http,
        },
    });
}

pub mod deployer {
    wit_bindgen::generate!({
        path: ["../wit/common", "../wit/host", "../wit/deployer"],
        world: "labd:deployer/deployer-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_deployer",
        default_bindings_module: "labd_plugin::bindings::deployer",
        additional_derives: [PartialEq],
        with: {
            "labd:common/errors@0.1.0": super::base::labd::common::errors,
            "labd:host/log@0.1.0": super::base::labd::host::log,
            "labd:host/clock@0.1.0": super::base::labd::host::clock,
            "labd:host/http@0.1.0": super::base::labd::host::http,
            "labd:host/bundle@0.1.0": super::base::labd::host::bundle,
        },
    });
}

pub mod sandbox {
    wit_bindgen::generate!({
        path: ["../wit/common", "../wit/host", "../wit/sandbox"],
        world: "labd:sandbox/sandbox-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_sandbox",
        default_bindings_module: "labd_plugin::bindings::sandbox",
        additional_derives: [PartialEq],
        with: {
            "labd:common/errors@0.1.0": super::base::labd::common::errors,
            "labd:host/log@0.1.0": super::base::labd::host::log,
            "labd:host/clock@0.1.0": super::base::labd::host::clock,
            "labd:host/app@0.1.0": super::base::labd::host::app,
        },
    });
}
