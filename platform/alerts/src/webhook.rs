//! Alerts to a webhook.
//!
//! Invariant: a request goes to a checked address, follows no redirect, and takes ten seconds at most; nothing of the
//! response is kept, and no error has the URL, which may hold a secret.

use std::time::Duration;

use base::config::Secret;
use base::error::chain;
use base::{Clock, Networks};
use outgoing::{AddressRules, Resolver, address, system_lookup};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use url::Url;

use crate::message::{AlertMessage, Origin, webhook_body};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("Tutti-Alerts/", env!("CARGO_PKG_VERSION"));

/// The receiver.
pub(crate) struct WebhookChannel {
    url: Url,
    token: Option<Secret>,
    rules: AddressRules,
    /// `None` if it can't be created, as on a machine without certificates.
    client: Option<Client>,
    clock: Clock,
}

impl WebhookChannel {
    /// Returns a channel to a URL, which may be in these networks although they are not public.
    pub(crate) fn new(
        url: Url,
        token: Option<Secret>,
        networks: Networks,
        trusted: Vec<Certificate>,
        clock: Clock,
    ) -> Self {
        let (rules, is_encrypted) = (AddressRules::new(networks), url.scheme() == "https");
        let client = Client::builder()
            .dns_resolver(Resolver::new(system_lookup(), rules.clone(), is_encrypted))
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .https_only(is_encrypted)
            .tls_certs_merge(trusted)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(USER_AGENT)
            .build();
        if let Err(error) = &client {
            tracing::warn!(error = chain(error), "alerts can't be sent to the webhook; are ca-certificates installed?");
        }
        Self { url, token, rules, client: client.ok(), clock }
    }

    /// Sends messages; an error is a sentence.
    pub(crate) async fn send(&self, origin: &Origin, messages: &[AlertMessage]) -> Result<(), String> {
        // The connector asks the resolver about names only.
        if address(&self.url).is_some_and(|address| !self.rules.admit(address, self.url.scheme() == "https")) {
            return Err("the address of alerts.webhook_url may not be reached; name its network in \
                alerts.allow_networks"
                .to_owned());
        }
        let client = self.client.as_ref().ok_or("this server has no certificates")?;
        let mut request = client.post(self.url.clone()).json(&webhook_body(origin, messages, self.clock.now()));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.send().await.map_err(|error| chain(&error.without_url()))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(format!("the receiver answered {}", response.status().as_u16()))
    }
}
