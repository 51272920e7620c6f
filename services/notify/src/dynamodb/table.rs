//! The table: single requests, each with a timeout, bounded retries and a classified error.
//!
//! Every read is consistent. What the server throttles is sent again after a pause that grows. The client's futures are
//! kilobytes large, so they are boxed. Invariant: no request outlives its timeout, and no key gets into an error or a
//! log.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, TransactWriteItem, WriteRequest};
use base::Random;
use db::Error;
use sea_orm::DbErr;

use super::items::{Item, item, key_of, text_value};
use super::keys::Key;

/// Items that one request reads (API reference of DynamoDB, `BatchGetItem`).
const MAX_READ: usize = 100;
/// Items that one request deletes (`BatchWriteItem`).
const MAX_DELETED: usize = 25;
/// How often a request is sent that the server cancels or does in part, and a change is made that others overtake.
pub(super) const MAX_ATTEMPTS: u32 = 12;
/// The first pause; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(500);
/// Errors that happen again whenever the request is sent.
const REFUSED: [&str; 4] = [
    "ValidationException",
    "SerializationException",
    "UnknownOperationException",
    "ItemCollectionSizeLimitExceededException",
];
const NO_TABLE: &str = "ResourceNotFoundException";

/// Which items of a partition are read.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// All.
    All,
    /// From one to another, both included.
    Between(String, String),
    /// Those that begin so.
    BeginningWith(String),
    /// Those after one.
    After(String),
}

/// A read of a partition.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) pk: String,
    pub(super) places: Places,
    /// The last place first.
    pub(super) is_descending: bool,
    /// Items of a page.
    pub(super) limit: usize,
}

/// Where the next page of a read begins; `None` after the last page.
pub(super) type NextPage = Option<Item>;

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It was made.
    Done,
    /// It was not: a condition does not hold, or another transaction is about the same items. What was read before is
    /// read again.
    Refused,
}

/// The table of an installation; clones share its connections.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) random: Random,
}

impl Table {
    /// Returns an item.
    pub(super) async fn get(&self, key: Key) -> Result<Option<Item>, Error> {
        let request = self.client.get_item().table_name(&self.name).consistent_read(true);
        let sent = Box::pin(request.set_key(Some(item(key, []))).send()).await;
        Ok(sent.map_err(|error| self.failed(&error))?.item)
    }

    /// Returns those of some items that are there.
    pub(super) async fn get_each(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, Error> {
        let mut found = HashMap::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_READ) {
            let mut left: Vec<Item> = chunk.iter().map(|key| item(key.clone(), [])).collect();
            for attempt in 0..MAX_ATTEMPTS {
                if left.is_empty() {
                    break;
                }
                self.pause(attempt).await;
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
                let wanted = wanted.map_err(|_| Error::Corrupt("a request"))?;
                let request = self.client.batch_get_item().request_items(&self.name, wanted);
                let sent = Box::pin(request.send()).await;
                let response = sent.map_err(|error| self.failed(&error))?;
                for read in response.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                    found.insert(key_of(&read)?, read);
                }
                left = response.unprocessed_keys.into_iter().flatten().flat_map(|(_, rest)| rest.keys).collect();
            }
            if !left.is_empty() {
                return Err(overloaded());
            }
        }
        Ok(found)
    }

    /// Returns a page of a read, and where the next one begins. A page may be short although there is a next one.
    pub(super) async fn page(&self, query: &Query, from: NextPage) -> Result<(Vec<Item>, NextPage), Error> {
        let (condition, values) = match &query.places {
            Places::All => ("pk = :pk", vec![]),
            Places::Between(low, high) => {
                ("pk = :pk and sk between :low and :high", vec![(":low", low), (":high", high)])
            }
            Places::BeginningWith(prefix) => ("pk = :pk and begins_with(sk, :prefix)", vec![(":prefix", prefix)]),
            Places::After(place) => ("pk = :pk and sk > :place", vec![(":place", place)]),
        };
        let values: HashMap<String, AttributeValue> = values
            .into_iter()
            .chain([(":pk", &query.pk)])
            .map(|(name, value)| (name.to_owned(), text_value(value.as_str())))
            .collect();
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(!query.is_descending)
            .limit(i32::try_from(query.limit.max(1)).unwrap_or(i32::MAX))
            .set_exclusive_start_key(from);
        let sent = Box::pin(request.send()).await;
        let response = sent.map_err(|error| self.failed(&error))?;
        let next = response.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((response.items.unwrap_or_default(), next))
    }

    /// Returns the items of a read, at most `query.limit`.
    pub(super) async fn list(&self, query: &Query) -> Result<Vec<Item>, Error> {
        self.list_wanted(query, |_| true).await
    }

    /// Returns those items of a read that are wanted, at most `query.limit`.
    pub(super) async fn list_wanted(
        &self,
        query: &Query,
        is_wanted: impl Fn(&Item) -> bool + Send,
    ) -> Result<Vec<Item>, Error> {
        let (mut items, mut from) = (Vec::new(), None);
        loop {
            let (page, next) = self.page(query, from).await?;
            items.extend(page.into_iter().filter(&is_wanted));
            if items.len() >= query.limit || next.is_none() {
                items.truncate(query.limit);
                return Ok(items);
            }
            from = next;
        }
    }

    /// Writes all of these actions, or none. They are at most 100, each about another item.
    pub(super) async fn write(&self, actions: &[TransactWriteItem]) -> Result<Written, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.pause(attempt).await;
            let request = self.client.transact_write_items().set_transact_items(Some(actions.to_vec()));
            let Err(error) = Box::pin(request.send()).await else { return Ok(Written::Done) };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(self.failed(&error));
            };
            let reasons = canceled.cancellation_reasons();
            let has = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") || has("TransactionConflict") {
                return Ok(Written::Refused);
            }
            if has("ValidationError") || has("ItemCollectionSizeLimitExceeded") {
                return Err(self.refused(&error));
            }
            // It is throttled: again, after a pause.
        }
        Err(overloaded())
    }

    /// Deletes items, whatever is in them.
    pub(super) async fn delete_each(&self, keys: Vec<Key>) -> Result<(), Error> {
        let mut requests = Vec::with_capacity(keys.len());
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(item(key, []))).build();
            let delete = delete.map_err(|_| Error::Corrupt("a request"))?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        for chunk in requests.chunks(MAX_DELETED) {
            let mut left = chunk.to_vec();
            for attempt in 0..MAX_ATTEMPTS {
                if left.is_empty() {
                    break;
                }
                self.pause(attempt).await;
                let request = self.client.batch_write_item().request_items(&self.name, left);
                let sent = Box::pin(request.send()).await;
                let response = sent.map_err(|error| self.failed(&error))?;
                left = response.unprocessed_items.into_iter().flatten().flat_map(|(_, rest)| rest).collect();
            }
            if !left.is_empty() {
                return Err(overloaded());
            }
        }
        Ok(())
    }

    /// Waits before an attempt: not before the first, and twice as long before each.
    pub(super) async fn pause(&self, attempt: u32) {
        if attempt > 0 {
            let pause = PAUSE.saturating_mul(1 << (attempt - 1).min(10)).min(MAX_PAUSE);
            tokio::time::sleep(self.random.jitter(pause, 1.0)).await;
        }
    }

    /// Returns the error of a request. Only what would happen again whenever it is sent is not transient.
    pub(super) fn failed<E>(&self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error.code() {
            Some(code) if REFUSED.contains(&code) => self.refused(error),
            Some(NO_TABLE) => Error::Unavailable(
                format!("there is no table {}: run `tutti migrate`, or correct dynamodb.table", self.name).into(),
            ),
            _ => Error::Unavailable(described(error).into()),
        }
    }

    fn refused<E>(&self, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Error::Engine(DbErr::Custom(format!("DynamoDB, table {}: {}", self.name, described(error))))
    }
}

/// Returns an error and its sources in one line.
fn described<E>(error: &SdkError<E>) -> String
where
    E: std::error::Error + 'static,
{
    let mut text = format!("DynamoDB: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// The error of a request that the server throttles or cancels again and again.
pub(super) fn overloaded() -> Error {
    Error::Unavailable("DynamoDB throttles requests, or cancels them for others' sake, for too long".into())
}
