//! The state of the role.
//!
//! Owns its constructor and small accessors; [`crate::commands`] and [`crate::queries`] have the operations. Invariant:
//! everything in it is shared by all requests of the process.

use std::sync::Arc;

use chrono::TimeDelta;
use contract::AccountId;
use objects::Orphans;
use objects::orphans::Policy;
use screening::rules::RuleSet;
use service::BootError;
use service::Context;

use crate::config::{Config, console_url};
use crate::error::Error;
use crate::failed_sign_ins::FailedSignInBuffer;
use crate::metrics::Metrics;
use crate::model::{CHALLENGE_LIFETIME, ClientInfo, DisposableDomains, Email, Whereabouts};
use crate::passkeys::Passkeys;
use crate::password_hasher::Hasher;
use crate::rate_limiter::RateLimiter;
use crate::sign_up_pressure::SignUpPressure;
use crate::signing_keys::SigningKeys;
use crate::store::exports::OBJECT_COLUMNS;
use crate::store::known_networks::Network;
use crate::throttle::{Throttle, network_key};

/// The most wrong short codes for one login or account in an hour.
const MAX_CODE_GUESSES: u32 = 10;
/// The most challenges for sign-ins by passkey that one client address gets in their lifetime; a whole venue may share
/// one address.
const MAX_PASSKEY_CHALLENGES: u32 = 200;
/// Archives of a process that never came back are removed after this time: longer than the building of one may take.
const ABANDONED: TimeDelta = TimeDelta::hours(48);

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, peers, events, randomness.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// The keys that sign access tokens.
    pub signing_keys: SigningKeys,
    /// Hashes and verifies passwords.
    pub hasher: Hasher,
    /// Counts outcomes.
    pub metrics: Metrics,
    /// Throttles guesses of passwords.
    pub throttle: Throttle,
    /// Limits the new accounts from one address.
    pub sign_ups: RateLimiter,
    /// Limits the new accounts from one network.
    pub network_sign_ups: RateLimiter,
    /// Counts new accounts.
    pub sign_up_pressure: SignUpPressure,
    /// The domains of addresses that are refused.
    pub disposable_domains: DisposableDomains,
    /// Limits the requests for a forgotten password from one address.
    pub forgotten: RateLimiter,
    /// Limits the mails to one mailbox that strangers can cause: those of new accounts, and of accounts whose address
    /// is not confirmed.
    pub stranger_mails: RateLimiter,
    /// Limits the mails to one mailbox that changes of address cause, of members who have confirmed the one they have.
    /// Strangers use up none of them.
    pub member_mails: RateLimiter,
    /// Limits guesses of short codes.
    pub code_guesses: RateLimiter,
    /// The failed attempts to sign in that wait to be stored.
    pub failed_sign_ins: FailedSignInBuffer,
    /// Limits the wrong codes of second factors, by where they come from.
    pub wrong_codes: RateLimiter,
    /// Limits the challenges for sign-ins by passkey from one address.
    pub passkey_challenges: RateLimiter,
    /// The relying party of passkeys.
    pub passkeys: Passkeys,
    /// The keys of archives that no row names (yet).
    pub orphans: Orphans,
    /// The rules of verdicts about profiles.
    pub rules: Arc<RuleSet>,
}

impl std::ops::Deref for Accounts {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Accounts {
    /// Creates the state, with the identity that this instance's folder holds. Fails if the parameters of the password
    /// hash are invalid.
    pub(crate) async fn open(context: Context, config: Config, signing_keys: SigningKeys) -> Result<Self, BootError> {
        let policy = Policy { columns: OBJECT_COLUMNS, abandoned_after: ABANDONED };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy)
            .await
            .map_err(|error| BootError::Io("the identity of this instance".into(), error))?;
        let hasher = Hasher::new(&config, context.random.clone())?;
        let disposable_domains = disposable_domains(&config)?;
        let metrics = Metrics::register(&context.metrics, &hasher.hashes);
        orphans.start(&context.tasks);
        Ok(Self(Arc::new(Inner {
            throttle: Throttle::new(&config),
            sign_ups: RateLimiter::new(config.sign_ups_per_address, TimeDelta::hours(1)),
            network_sign_ups: RateLimiter::new(config.sign_ups_per_network, TimeDelta::hours(1)),
            sign_up_pressure: SignUpPressure::default(),
            disposable_domains,
            forgotten: RateLimiter::new(config.forgotten_per_address, TimeDelta::hours(1)),
            stranger_mails: RateLimiter::new(config.mails_per_mailbox, TimeDelta::hours(1)),
            member_mails: RateLimiter::new(config.mails_per_mailbox, TimeDelta::hours(1)),
            code_guesses: RateLimiter::new(MAX_CODE_GUESSES, TimeDelta::hours(1)),
            failed_sign_ins: FailedSignInBuffer::default(),
            wrong_codes: RateLimiter::new(config.wrong_codes_per_day, TimeDelta::days(1)),
            passkey_challenges: RateLimiter::new(MAX_PASSKEY_CHALLENGES, CHALLENGE_LIFETIME),
            passkeys: Passkeys::new(&context.mail.site_url(""), console_url(&context.config)?.as_deref()),
            context,
            config,
            signing_keys,
            hasher,
            metrics,
            orphans,
            rules: Arc::new(RuleSet::standard()),
        })))
    }

    /// Returns the keyed hash of a client's network for an account. It can't be reversed without the installation's
    /// secret.
    pub(crate) fn network(&self, account: AccountId, client: &ClientInfo) -> Network {
        self.context.url_signer.keyed_hash("accounts.network", &format!("{account} {}", network_key(client.address)))
    }

    /// Parses an e-mail address. Fails with [`Error::DisposableEmail`] if it is of a domain on the list.
    pub(crate) fn parse_email(&self, text: &str) -> Result<Email, Error> {
        let email = Email::parse(text)?;
        if self.disposable_domains.has(&email) { Err(Error::DisposableEmail) } else { Ok(email) }
    }

    /// Adds an attempt to the member's list of sign-ins if it failed because of a wrong second factor.
    pub(crate) fn note_wrong_factor(&self, error: &Error, account: AccountId, from: &Whereabouts) {
        if matches!(error, Error::WrongFactor) {
            self.failed_sign_ins.add(account, from.clone(), self.context.clock.now());
        }
    }
}

/// Returns the list of the configuration, or the one that comes with the server.
fn disposable_domains(config: &Config) -> Result<DisposableDomains, BootError> {
    let path = &config.disposable_domains_file;
    if path.is_empty() {
        return Ok(DisposableDomains::bundled());
    }
    let unreadable = |error| BootError::Io(format!("accounts.disposable_domains_file {path:?} can't be read"), error);
    Ok(DisposableDomains::parse(&std::fs::read_to_string(path).map_err(unreadable)?))
}
