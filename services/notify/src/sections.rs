//! The sections of the configuration that this role reads, with their rules, and the files with secrets that they name.
//!
//! Invariant: every section of the role is here once, so its keys are in the reference and are checked before a process
//! starts.

use std::path::PathBuf;

use base::config::{Config, Error, Section};

use crate::config::Config as NotifyConfig;
use crate::dynamodb::{self, DynamoDbOptions};
use crate::{engine, push};

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![
        Section::of::<NotifyConfig>("notify").with_rule(push::check_section),
        Section::of::<DynamoDbOptions>("dynamodb").with_rule(dynamodb::check_section),
    ]
}

/// Returns the files with secrets that the sections name, each with the key that names it.
pub fn secret_files(config: &Config) -> Result<Vec<(&'static str, PathBuf)>, Error> {
    let table = engine::secret_file(config)?.map(|path| ("dynamodb.secret_key_file", path));
    Ok(push::secret_files(config)?.into_iter().chain(table).collect())
}
