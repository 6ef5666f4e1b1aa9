//! What a peer plays, before it starts.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    net::SocketAddr,
};

use crate::{
    provider::{Asked, Provider},
    reply::Reply,
};

pub(crate) type Function = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// What a peer plays and how, before it starts.
///
/// A request takes the next reply of its provider's own script; else the next of the script for
/// all; else what the function says. Where there is none of these it is answered with status 501.
pub struct Plan {
    pub(crate) replies: VecDeque<Reply>,
    pub(crate) own: HashMap<Provider, VecDeque<Reply>>,
    pub(crate) function: Option<Function>,
    pub(crate) always: Option<Reply>,
    pub(crate) playing: Provider,
    pub(crate) models: HashMap<Provider, Vec<String>>,
    pub(crate) keys: Option<HashSet<String>>,
    pub(crate) checked: bool,
    pub(crate) counts_only: bool,
    pub(crate) address: SocketAddr,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("replies", &self.replies)
            .field("own", &self.own)
            .field("playing", &self.playing)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Plan {
    pub(crate) fn new() -> Self {
        Self {
            replies: VecDeque::new(),
            own: HashMap::new(),
            function: None,
            always: None,
            playing: Provider::Compatible,
            models: HashMap::new(),
            keys: None,
            checked: true,
            counts_only: false,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// With another reply for whoever asks next.
    #[must_use]
    pub fn then(mut self, reply: Reply) -> Self {
        self.replies.push_back(reply);
        self
    }

    /// With another reply of this provider.
    #[must_use]
    pub fn then_of(mut self, provider: Provider, reply: Reply) -> Self {
        self.own.entry(provider).or_default().push_back(reply);
        self
    }

    /// With this reply for requests beyond the script.
    #[must_use]
    pub fn otherwise(mut self, function: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        self.function = Some(Box::new(function));
        self
    }

    /// With this reply for requests beyond the script, which is rendered once for each way of asking
    /// and then sent again byte for byte, with its ids: for loads.
    #[must_use]
    pub fn always(mut self, reply: Reply) -> Self {
        self.always = Some(reply);
        self
    }

    /// Playing this provider at paths that name none ([`Provider::Compatible`] if not said).
    #[must_use]
    pub fn playing(mut self, provider: Provider) -> Self {
        self.playing = provider;
        self
    }

    /// With these models of a provider and no others: they are listed, and a request for another one
    /// is refused. Any model will do where it is not said.
    #[must_use]
    pub fn models(mut self, provider: Provider, names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.models.insert(provider, names);
        self
    }

    /// Taking these keys and no others. Any key of the right form will do where it is not said.
    #[must_use]
    pub fn keys(mut self, keys: &[&str]) -> Self {
        self.keys = Some(keys.iter().map(|key| (*key).to_owned()).collect());
        self
    }

    /// Taking requests as they come.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    /// Counting requests but not keeping them, for loads.
    #[must_use]
    pub fn counting_only(mut self) -> Self {
        self.counts_only = true;
        self
    }

    /// At this address rather than on a free port of 127.0.0.1.
    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }
}
