//! Guests made on the spot: a world's exports in WebAssembly text, where each function traps
//! unless the test gives it a body, wrapped into a component.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "support of tests, of which each uses a part"
)]

use labd_plugin_host::{
    EmbeddedFile, Limits, PluginHost, PluginOptions,
    kinds::connector::{ConnectorConfig, SourceAccess, TlsMode},
};
use std::{collections::BTreeMap, fmt::Write, net::IpAddr, path::Path, sync::Arc};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{
    LiftLowerAbi, ManglingAndAbi, Resolve, TypeDefKind, WasmExport, WasmExportKind, WorldId,
    WorldItem,
    abi::{AbiVariant, WasmType},
};

/// The id of the plugin in every test.
pub const ID: &str = "labd.guest";

/// Which contract a guest follows.
#[derive(Clone, Copy)]
pub enum World {
    Provider,
    Connector,
    Deployer,
    Sandbox,
}

impl World {
    fn folder(self) -> &'static str {
        match self {
            Self::Provider => "ai-provider",
            Self::Connector => "connector",
            Self::Deployer => "deployer",
            Self::Sandbox => "sandbox",
        }
    }

    fn manifest(self) -> &'static str {
        match self {
            Self::Provider => "kind = \"ai-provider\"",
            Self::Connector => "kind = \"connector\"\n[connector]\nschemes = [\"guest\"]",
            Self::Deployer => "kind = \"deployer\"",
            Self::Sandbox => "kind = \"sandbox\"",
        }
    }
}

/// What guests may import of WASI beyond their contract: the part that these tests call.
const WASI: &str = r#"
package test:wasi;
world everything {
  import wasi:cli/environment@0.2.0;
  import wasi:clocks/monotonic-clock@0.2.0;
  import wasi:filesystem/preopens@0.2.0;
  import wasi:random/random@0.2.0;
  import wasi:sockets/instance-network@0.2.0;
  import wasi:sockets/ip-name-lookup@0.2.0;
  import wasi:sockets/tcp-create-socket@0.2.0;
  import wasi:sockets/tcp@0.2.0;
}
package wasi:cli@0.2.0 {
  interface environment {
    get-environment: func() -> list<tuple<string, string>>;
    get-arguments: func() -> list<string>;
  }
}
package wasi:io@0.2.0 {
  interface poll { resource pollable; }
}
package wasi:clocks@0.2.0 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.0.{pollable};
    subscribe-duration: func(when: u64) -> pollable;
  }
}
package wasi:filesystem@0.2.0 {
  interface types { resource descriptor; }
  interface preopens {
    use types.{descriptor};
    get-directories: func() -> list<tuple<descriptor, string>>;
  }
}
package wasi:random@0.2.0 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}
package wasi:sockets@0.2.0 {
  interface network {
    resource network;
    enum error-code {
      unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
      concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
      address-not-bindable, address-in-use, remote-unreachable, connection-refused,
      connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
      temporary-resolver-failure, permanent-resolver-failure,
    }
    enum ip-address-family { ipv4, ipv6 }
    record ipv4-socket-address { port: u16, address: tuple<u8, u8, u8, u8> }
    record ipv6-socket-address {
      port: u16,
      flow-info: u32,
      address: tuple<u16, u16, u16, u16, u16, u16, u16, u16>,
      scope-id: u32,
    }
    variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
  }
  interface instance-network {
    use network.{network};
    instance-network: func() -> network;
  }
  interface ip-name-lookup {
    use network.{network, error-code};
    resource resolve-address-stream;
    resolve-addresses: func(network: borrow<network>, name: string)
      -> result<resolve-address-stream, error-code>;
  }
  interface tcp {
    use network.{network, error-code, ip-socket-address};
    resource tcp-socket {
      start-connect: func(network: borrow<network>, remote-address: ip-socket-address)
        -> result<_, error-code>;
    }
  }
  interface tcp-create-socket {
    use network.{error-code, ip-address-family};
    use tcp.{tcp-socket};
    create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
  }
}
"#;

/// A guest in the making.
pub struct Guest {
    world: World,
    bodies: BTreeMap<&'static str, String>,
    head: String,
    permissions: String,
    hosts: BTreeMap<String, Vec<IpAddr>>,
    wasi: bool,
}

impl Guest {
    pub fn new(world: World) -> Self {
        Self {
            world,
            bodies: BTreeMap::new(),
            head: "(memory (export \"memory\") 2)".into(),
            permissions: String::new(),
            hosts: BTreeMap::new(),
            wasi: false,
        }
    }

    /// Its head may import what [`WASI`] lists.
    pub fn with_wasi(mut self) -> Self {
        self.wasi = true;
        self
    }

    /// The body of an exported function, by its name in the contract.
    pub fn body(mut self, function: &'static str, body: impl Into<String>) -> Self {
        self.bodies.insert(function, body.into());
        self
    }

    /// Definitions in place of `(memory (export "memory") 2)`; imports first.
    pub fn head(mut self, head: impl Into<String>) -> Self {
        self.head = head.into();
        self
    }

    /// The manifest's permissions, and what may follow them.
    pub fn permissions(mut self, permissions: impl Into<String>) -> Self {
        self.permissions = permissions.into();
        self
    }

    /// Where a name leads to in its host.
    pub fn name(mut self, name: &str, address: &str) -> Self {
        let address = address.parse().unwrap();
        self.hosts.insert(name.into(), vec![address]);
        self
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit");
        let mut resolve = Resolve::default();
        resolve.push_dir(wit.join("common")).unwrap();
        resolve.push_dir(wit.join("host")).unwrap();
        let (package, _) = resolve.push_dir(wit.join(self.world.folder())).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let mut module = wat::parse_str(self.text(&resolve, world)).expect("text of the guest");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        if self.wasi {
            let mut resolve = Resolve::default();
            let package = resolve.push_str("wasi.wit", WASI).unwrap();
            let world = resolve.select_world(&[package], None).unwrap();
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        }
        ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .validate(true)
            .encode()
            .unwrap()
    }

    fn text(&self, resolve: &Resolve, world: WorldId) -> String {
        let mangling = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
        let mut text = format!("(module {}\n", self.head);
        text.push_str(
            "(global $end (mut i32) (i32.const 65536))
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
               (local $at i32)
               (local.set $at (i32.and (i32.add (global.get $end) (i32.const 15)) (i32.const -16)))
               (global.set $end (i32.add (local.get $at) (local.get 3)))
               (local.get $at))\n",
        );
        let mut unused: Vec<_> = self.bodies.keys().copied().collect();
        for (key, item) in &resolve.worlds[world].exports {
            let WorldItem::Interface { id, .. } = item else {
                panic!("worlds export interfaces")
            };
            for (name, function) in &resolve.interfaces[*id].functions {
                unused.retain(|known| known != name);
                let export = resolve.wasm_export_name(
                    mangling,
                    WasmExport::Func {
                        interface: Some(key),
                        func: function,
                        kind: WasmExportKind::Normal,
                    },
                );
                let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
                let body = self.bodies.get(name.as_str()).map_or("unreachable", |b| b);
                let _ = writeln!(
                    text,
                    "(func (export \"{export}\") {} {} {body})",
                    types("param", &signature.params),
                    types("result", &signature.results)
                );
            }
            for (name, id) in &resolve.interfaces[*id].types {
                if resolve.types[*id].kind == TypeDefKind::Resource {
                    let interface = resolve.name_world_key(key);
                    let _ = writeln!(
                        text,
                        "(func (export \"{interface}#[dtor]{name}\") (param i32))"
                    );
                }
            }
        }
        assert!(unused.is_empty(), "there is no {unused:?}");
        text.push(')');
        text
    }

    /// A host that ships this guest.
    pub fn host(&self) -> TestHost {
        self.host_with(Limits::default())
    }

    /// The same with other limits.
    pub fn host_with(&self, limits: Limits) -> TestHost {
        TestHost::start(PluginOptions {
            embedded: package(self.manifest(), self.component()),
            limits,
            hosts: self.hosts.clone(),
            ..PluginOptions::default()
        })
    }

    /// Its `plugin.toml`.
    pub fn manifest(&self) -> String {
        format!(
            "schema = 1\nid = \"{ID}\"\nversion = \"1.0.0\"\nhost = \">=0.1\"\n\
             wasm = \"plugin.wasm\"\n{}\n[permissions]\n{}\n",
            self.world.manifest(),
            self.permissions
        )
    }
}

fn types(what: &str, types: &[WasmType]) -> String {
    let mut text = String::new();
    for ty in types {
        let name = match ty {
            WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
            WasmType::I64 | WasmType::PointerOrI64 => "i64",
            WasmType::F32 => "f32",
            WasmType::F64 => "f64",
        };
        let _ = write!(text, "({what} {name})");
    }
    text
}

/// The files of a package.
pub fn package(manifest: impl Into<Vec<u8>>, wasm: impl Into<Vec<u8>>) -> Vec<EmbeddedFile> {
    let file = |name: &str, bytes: Vec<u8>| EmbeddedFile {
        path: format!("guest-1.0.0/{name}").into(),
        bytes: bytes.into(),
    };
    vec![
        file("plugin.toml", manifest.into()),
        file("plugin.wasm", wasm.into()),
    ]
}

/// A host in a directory of its own.
pub struct TestHost {
    pub host: PluginHost,
    pub dir: tempfile::TempDir,
}

impl TestHost {
    pub fn new(embedded: Vec<EmbeddedFile>, limits: Limits) -> Self {
        Self::start(PluginOptions {
            embedded,
            limits,
            ..PluginOptions::default()
        })
    }

    fn start(options: PluginOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = PluginHost::start(PluginOptions {
            data_dir: dir.path().to_owned(),
            ..options
        })
        .unwrap();
        Self { host, dir }
    }
}

/// A data source without servers.
pub fn source(id: &str) -> Arc<SourceAccess> {
    Arc::new(SourceAccess {
        source_id: id.into(),
        targets: Vec::new(),
        tls: TlsMode::Disable,
        ca: None,
        client: None,
        sqlite: None,
        config: ConnectorConfig::default(),
        secrets: BTreeMap::new(),
    })
}
