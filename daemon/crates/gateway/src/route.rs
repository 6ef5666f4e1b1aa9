//! By which ways a request may go.

use crate::{blobs::Origin, health::Advice, lane::Lane};
use labd_plugin_host::kinds::ai::{AiProvider, Capabilities, ProviderAccess};
use labd_protocol::ProviderId;
use std::sync::Arc;

/// A key of a provider with a model.
#[derive(Clone)]
pub(crate) struct Target {
    pub provider: ProviderId,
    pub provider_name: Arc<str>,
    pub plugin: Arc<str>,
    pub model: Arc<str>,
    pub weight: u32,
    pub access: Arc<ProviderAccess>,
    pub lane: Arc<Lane>,
    pub service: Arc<dyn AiProvider>,
    pub origin: Origin,
}

/// A model that can be asked: one of a provider, or a name for several.
#[derive(Clone)]
pub struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) model: Arc<str>,
    pub(crate) capabilities: Capabilities,
    /// In the order in which they are tried.
    pub(crate) tiers: Vec<Vec<Target>>,
}

impl Route {
    /// Whether it is one of those that are configured, and no model of one provider.
    pub(crate) fn is_named(&self) -> bool {
        Arc::ptr_eq(&self.name, &self.model)
    }

    /// For people: the provider's name, or the route's.
    pub fn provider(&self) -> &str {
        &self.name
    }

    /// The model's id, or the route's name.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What all of its targets can do.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

/// The targets of a tier in the order in which to try them: one whose rest is over first, so that it is
/// known soon, then the ready ones by chance, as their weights are. Those that rest are left out.
/// `random` gives numbers from 0 to 1.
pub(crate) fn order(tier: &[Target], mut random: impl FnMut() -> f64) -> Vec<Target> {
    let mut ready = Vec::new();
    let mut probes = Vec::new();
    for target in tier {
        match target.lane.advice() {
            Advice::Ask => ready.push(target.clone()),
            Advice::Probe => probes.push(target.clone()),
            Advice::Rest(_) | Advice::Refused => {}
        }
    }
    let mut ordered = Vec::with_capacity(tier.len());
    while !ready.is_empty() {
        let all: f64 = ready.iter().map(|target| f64::from(target.weight)).sum();
        let mut point = random() * all;
        let chosen = ready
            .iter()
            .position(|target| {
                point -= f64::from(target.weight);
                point < 0.0
            })
            .unwrap_or(ready.len() - 1);
        ordered.push(ready.swap_remove(chosen));
    }
    // Only one: should it fail, the request has lost little time.
    probes.truncate(1);
    probes.append(&mut ordered);
    probes
}

/// What every one of them can do.
pub(crate) fn common(all: impl IntoIterator<Item = Capabilities>) -> Capabilities {
    all.into_iter()
        .reduce(|one, other| Capabilities {
            tools: one.tools && other.tools,
            strict_tools: one.strict_tools && other.strict_tools,
            images: one.images && other.images,
            files: one.files && other.files,
            structured_output: one.structured_output && other.structured_output,
            reasoning: one.reasoning && other.reasoning,
            embeddings: one.embeddings && other.embeddings,
            document: one.document && other.document,
        })
        .unwrap_or_default()
}
