//! The state that all requests, subscriptions and jobs of the role share.
//!
//! Owns how secrets are encrypted, and no other rule. Invariant: everything in it comes from the context and the
//! configuration.

use std::collections::HashSet;
use std::sync::Arc;

use base::Environment;
use http_server::sealed_secret;
use outgoing::{AddressRules, system_lookup};
use parking_lot::Mutex;
use service::{BootError, Context};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::Config;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::model::Secret;
use crate::outbound::Outbound;

/// The scope of the keys that encrypt secrets.
const SCOPE: &str = "webhooks.secret";

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Webhooks(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, events, randomness.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// Which addresses may be reached.
    pub rules: AddressRules,
    /// Counts what the role does.
    pub metrics: Metrics,
    /// Sends requests to receivers.
    pub outbound: Outbound,
    /// Notifies the sender when deliveries were recorded.
    pub recorded: Notify,
    /// The webhooks that this process sends to at the moment.
    pub in_flight: Mutex<HashSet<Uuid>>,
}

impl std::ops::Deref for Webhooks {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Webhooks {
    /// Creates the state. Fails if the networks of the configuration are none, or its file of certificates has none.
    pub(crate) fn new(context: Context, config: Config) -> Result<Self, BootError> {
        let metrics = Metrics::register(&context.metrics);
        let rules = AddressRules::new(config.networks()?);
        let outbound = Outbound::new(&rules, &config.certificates()?, &system_lookup(), context.clock.clone())
            .within(Environment::of(&context.config)?);
        let (recorded, in_flight) = (Notify::new(), Mutex::default());
        Ok(Self(Arc::new(Inner { context, config, rules, metrics, outbound, recorded, in_flight })))
    }

    /// Encrypts the secret of a webhook.
    pub(crate) fn seal(&self, webhook: Uuid, secret: &Secret) -> Result<Vec<u8>, Error> {
        let (signer, random) = (&self.context.url_signer, &self.context.random);
        Ok(sealed_secret::seal(signer, random, (SCOPE, &webhook.to_string()), secret.bytes())?)
    }

    /// Decrypts the secret of a webhook.
    pub(crate) fn open(&self, webhook: Uuid, sealed: &[u8]) -> Result<Secret, Error> {
        let opened = sealed_secret::open(&self.context.url_signer, (SCOPE, &webhook.to_string()), sealed)?;
        Ok(Secret::new(opened))
    }
}
