//! The client of the table: TLS by the process's provider, keys from the section or from AWS's own sources.
//!
//! Invariant: opening sends no request.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use base::Random;
use base::config::Error;
use object_store::aws::{AmazonS3Builder, AwsCredentialProvider};

use super::options::DynamoDbOptions;
use super::table::Table;

/// How often a request is sent that the server throttles, or that gets no response.
const MAX_SENT: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Opens the table of an installation.
pub(super) fn open(options: &DynamoDbOptions, random: Random) -> Result<Table, Error> {
    base::tls::install_provider();
    let timeout = Duration::from_secs(options.timeout_seconds.clamp(1, 60));
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_SENT)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(timeout / 3)
        .operation_attempt_timeout(timeout / 2)
        .operation_timeout(timeout)
        .build();
    let client = aws_smithy_http_client::Builder::new();
    let is_plain = options.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
    let client = if is_plain {
        client.build_http()
    } else {
        client.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    };
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(options.region.clone()))
        .http_client(client)
        .retry_config(retries)
        .timeout_config(timeouts);
    if let Some(endpoint) = &options.endpoint {
        config = config.endpoint_url(endpoint.trim_end_matches('/'));
    }
    config = match options.key()? {
        Some((id, secret)) => config.credentials_provider(Credentials::new(id, secret, None, None, "dynamodb")),
        None => config.credentials_provider(OwnSources::new(&options.region)?),
    };
    Ok(Table { client: Client::from_conf(config.build()), name: options.table.clone(), random })
}

/// The sources of keys that AWS's own programs use, as the object store reads them.
#[derive(Debug)]
struct OwnSources(AwsCredentialProvider);

impl OwnSources {
    fn new(region: &str) -> Result<Self, Error> {
        // Its credentials are all that is used of it.
        let built = AmazonS3Builder::from_env().with_bucket_name("none").with_region(region).build();
        let store = built.map_err(|error| Error::Unusable(format!("dynamodb.access_key is not set, and {error}")))?;
        Ok(Self(store.credentials().clone()))
    }
}

impl ProvideCredentials for OwnSources {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let found = self.0.get_credential().await.map_err(CredentialsError::provider_error)?;
            Ok(Credentials::new(&found.key_id, &found.secret_key, found.token.clone(), None, "dynamodb"))
        })
    }
}
