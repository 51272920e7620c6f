//! Chooses the engine of the history, and prepares and checks what it needs.
//!
//! Invariant: only this file knows which engine is used.

use std::path::PathBuf;

use base::Random;
use base::clock::Clock;
use base::config::{Config, Error};
use db::Db;
use service::BootError;

use crate::config::{Config as NotifyConfig, HistoryEngine};
use crate::dynamodb::{self, CreateError, DynamoDbOptions, DynamoHistory, TableFault};
use crate::history::HistoryStore;
use crate::store::history::SqlHistory;

/// Opens the history that the configuration names. Sends no request.
pub(crate) fn open(config: &Config, db: &Db, clock: &Clock, random: &Random) -> Result<Box<dyn HistoryStore>, Error> {
    let notify: NotifyConfig = config.section("notify")?;
    Ok(match options_of(config, &notify)? {
        None => Box::new(SqlHistory::new(db.clone(), random.clone())),
        Some(options) => {
            let (days, db, clock, random) = (notify.kept_days(), db.clone(), clock.clone(), random.clone());
            Box::new(DynamoHistory::open(&options, days, db, clock, random)?)
        }
    })
}

/// Returns the settings of the table, if the history is in one.
fn options_of(config: &Config, notify: &NotifyConfig) -> Result<Option<DynamoDbOptions>, Error> {
    match notify.history {
        HistoryEngine::Sql => Ok(None),
        HistoryEngine::Dynamodb => config.section("dynamodb").map(Some),
    }
}

fn options(config: &Config) -> Result<Option<DynamoDbOptions>, Error> {
    options_of(config, &config.section("notify")?)
}

/// The table of a history, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTable {
    /// Its name.
    pub name: String,
    /// Whether it was created just now.
    pub is_created: bool,
    /// What is wrong with it, as a sentence with its fix.
    pub fault: Option<String>,
}

/// Creates the table of the history unless it is there; `None` if the history is in the role's own database.
pub async fn create_table(config: &Config, random: &Random) -> Result<Option<HistoryTable>, BootError> {
    let Some(options) = options(config)? else { return Ok(None) };
    let is_created = dynamodb::create_table(&options, random.clone()).await.map_err(boot_error)?;
    Ok(Some(HistoryTable { name: options.table, is_created, fault: None }))
}

/// Checks the table of the history; `None` if the history is in the role's own database.
pub async fn check_table(config: &Config, random: &Random) -> Result<Option<HistoryTable>, BootError> {
    let Some(options) = options(config)? else { return Ok(None) };
    let fault = match dynamodb::find_fault(&options, random.clone()).await {
        Ok(fault) => fault.map(sentence),
        Err(CreateError::Config(error)) => return Err(error.into()),
        Err(CreateError::Server(error)) => Some(error_line(&error)),
    };
    Ok(Some(HistoryTable { name: options.table, is_created: false, fault }))
}

/// Returns the file with the secret key of the table, if the configuration names one.
pub(crate) fn secret_file(config: &Config) -> Result<Option<PathBuf>, Error> {
    Ok(options(config)?.and_then(|options| options.secret_key_file))
}

fn sentence(fault: TableFault) -> String {
    let sentence = match fault {
        TableFault::Missing => "there is no such table: run `tutti migrate`",
        TableFault::Keys => "the keys of this table are not those of notices: name another one in dynamodb.table",
        TableFault::Expiry => "it keeps what has expired: run `tutti migrate`",
    };
    sentence.to_owned()
}

fn boot_error(error: CreateError) -> BootError {
    match error {
        CreateError::Config(error) => error.into(),
        CreateError::Server(error) => BootError::Other(error_line(&error)),
    }
}

/// Returns an error of the server with its cause in one line.
fn error_line(error: &db::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("the table of notices can't be used{cause}")
}
