//! The `[dynamodb]` section: where the table is, and with which key it is read and written.
//!
//! Invariant: a secret is never in debug output or an error.

use std::fmt;
use std::path::PathBuf;

use base::config::{Config, Error, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The table of notices, for `notify.history = "dynamodb"`: Amazon DynamoDB, or a server with its interface such as
/// ScyllaDB Alternator.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DynamoDbOptions {
    /// The server's URL, such as `https://scylla.internal:8043`. If unset, Amazon's own of the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The table, which `tutti migrate` creates. Two installations need two tables.
    pub table: String,
    /// The id of the access key. If unset, the key comes from the sources that AWS's own programs use: the environment
    /// (`AWS_…`), a web identity, the instance's role.
    pub access_key: Option<String>,
    /// The secret access key. It is safer in a file, or in the environment as `TUTTI_DYNAMODB_SECRET_KEY`.
    #[schema(value_type = Option<String>)]
    pub secret_key: Option<Secret>,
    /// A file that contains only the secret access key.
    #[schema(value_type = Option<String>)]
    pub secret_key_file: Option<PathBuf>,
    /// Seconds for one request with all its retries, 1 to 60.
    pub timeout_seconds: u64,
}

impl Default for DynamoDbOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            table: "tutti-notices".to_owned(),
            access_key: None,
            secret_key: None,
            secret_key_file: None,
            timeout_seconds: 10,
        }
    }
}

impl fmt::Debug for DynamoDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbOptions")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl DynamoDbOptions {
    /// Returns the id and the secret of the access key; `None` if they come from AWS's own sources.
    pub(super) fn key(&self) -> Result<Option<(String, String)>, Error> {
        let Some(id) = &self.access_key else { return Ok(None) };
        let secret = match (&self.secret_key, &self.secret_key_file) {
            (Some(secret), _) => secret.expose().to_owned(),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(path);
                let reason = |error: std::io::Error| {
                    Error::Unusable(format!("dynamodb.secret_key_file {}: {error}", path.display()))
                };
                read.map_err(reason)?.trim().to_owned()
            }
            (None, None) => return Err(Error::Unusable(KEY_RULE.to_owned())),
        };
        Ok(Some((id.clone(), secret)))
    }

    fn check(&self) -> Result<(), Error> {
        let has_secret = self.secret_key.is_some() || self.secret_key_file.is_some();
        let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        let wrong = match self {
            _ if !is_table_name(&self.table) => {
                "dynamodb.table must have 3 to 255 letters, digits and _ - . (API reference of DynamoDB, CreateTable)"
            }
            _ if self.region.is_empty() => "dynamodb.region is empty",
            _ if !self.endpoint.iter().all(is_url) => "dynamodb.endpoint must begin with http:// or https://",
            _ if self.access_key.is_some() != has_secret => KEY_RULE,
            _ if !(1..=60).contains(&self.timeout_seconds) => "dynamodb.timeout_seconds must be 1 to 60",
            _ => return Ok(()),
        };
        Err(Error::Unusable(wrong.to_owned()))
    }
}

const KEY_RULE: &str = "dynamodb.access_key and dynamodb.secret_key (or secret_key_file) go together";

fn is_table_name(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// What the values of the section must fulfil.
pub(crate) fn check_section(config: &Config) -> Result<(), Error> {
    config.section::<DynamoDbOptions>("dynamodb")?.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed_and_a_wrong_value_is_named() {
        let options = DynamoDbOptions {
            access_key: Some("me".to_owned()),
            secret_key: Some("hidden".into()),
            ..DynamoDbOptions::default()
        };
        assert!(!format!("{options:?}").contains("hidden"));
        assert!(options.check().is_ok());
        assert_eq!(options.key().unwrap(), Some(("me".to_owned(), "hidden".to_owned())));
        assert_eq!(DynamoDbOptions::default().key().unwrap(), None);
        let wrong = [
            DynamoDbOptions { secret_key: None, ..options.clone() },
            DynamoDbOptions { table: "a/b".to_owned(), ..options.clone() },
            DynamoDbOptions { endpoint: Some("scylla:8000".to_owned()), ..options.clone() },
            DynamoDbOptions { timeout_seconds: 0, ..options },
        ];
        for options in wrong {
            assert!(options.check().is_err_and(|error| error.to_string().contains("dynamodb.")), "{options:?}");
        }
    }
}
