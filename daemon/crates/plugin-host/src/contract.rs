//! The generated bindings of each kind behind one trait, so that instances and pools are written
//! once.

use crate::{
    bindings::{ai, connector, deployer, sandbox, wire},
    manifest::Kind,
    state::HostState,
};
use futures_util::future::BoxFuture;
use wasmtime::{Store, component::InstancePre};

/// What a plugin of one kind exports.
pub(crate) trait Contract: Sized + Send + Sync + 'static {
    /// Exports that were found, ready to be instantiated.
    type Pre: Send + Sync + 'static;
    /// The kind.
    const KIND: Kind;
    /// Finds the exports.
    fn find(pre: InstancePre<HostState>) -> wasmtime::Result<Self::Pre>;
    /// Makes an instance.
    fn instantiate<'a>(
        pre: &'a Self::Pre,
        store: &'a mut Store<HostState>,
    ) -> BoxFuture<'a, wasmtime::Result<Self>>;
    /// Calls the one function that every kind has and that needs nothing.
    fn describe<'a>(
        &'a self,
        store: &'a mut Store<HostState>,
    ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>>;
}

macro_rules! contract {
    ($bindings:ty, $pre:ty, $kind:expr, $interface:ident) => {
        impl Contract for $bindings {
            type Pre = $pre;
            const KIND: Kind = $kind;

            fn find(pre: InstancePre<HostState>) -> wasmtime::Result<Self::Pre> {
                <$pre>::new(pre)
            }

            fn instantiate<'a>(
                pre: &'a Self::Pre,
                store: &'a mut Store<HostState>,
            ) -> BoxFuture<'a, wasmtime::Result<Self>> {
                Box::pin(pre.instantiate_async(store))
            }

            fn describe<'a>(
                &'a self,
                store: &'a mut Store<HostState>,
            ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>> {
                let described = self.$interface().call_describe(store);
                Box::pin(async move { Ok(described.await?.map(|_| ())) })
            }
        }
    };
}

contract!(
    ai::Provider,
    ai::ProviderPre<HostState>,
    Kind::AiProvider,
    labd_ai_provider_provider
);
contract!(
    connector::Connector,
    connector::ConnectorPre<HostState>,
    Kind::Connector,
    labd_connector_connector
);
contract!(
    deployer::Deployer,
    deployer::DeployerPre<HostState>,
    Kind::Deployer,
    labd_deployer_deployer
);
contract!(
    sandbox::Sandbox,
    sandbox::SandboxPre<HostState>,
    Kind::Sandbox,
    labd_sandbox_sandbox
);
