//! Creating the table, and checking it.
//!
//! Invariant: a table that is there is not changed, but that its expiry is turned on.

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use db::Error;

use super::items::EXPIRES_AT;
use super::table::{MAX_ATTEMPTS, Table, overloaded};

/// What is wrong with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableFault {
    /// There is none.
    Missing,
    /// Its keys are not those of notices.
    Keys,
    /// What has expired stays in it. Readers leave it out, so only space is lost.
    Expiry,
}

impl Table {
    /// Creates the table unless it is there, and waits until it can be used. Returns whether it was created.
    pub(super) async fn create(&self) -> Result<bool, Error> {
        if self.describe().await?.is_some_and(|found| found.table_status() == Some(&TableStatus::Active)) {
            return Ok(false);
        }
        let unbuilt = || Error::Corrupt("a request");
        let mut request = self.client.create_table().table_name(&self.name).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build();
            request = request
                .key_schema(key.map_err(|_| unbuilt())?)
                .attribute_definitions(attribute.map_err(|_| unbuilt())?);
        }
        let is_created = match Box::pin(request.send()).await {
            Ok(_) => true,
            // Another process creates it at the same time.
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => false,
            Err(error) => return Err(self.failed(&error)),
        };
        for attempt in 0..4 * MAX_ATTEMPTS {
            self.pause(attempt).await;
            if self.describe().await?.is_some_and(|found| found.table_status() == Some(&TableStatus::Active)) {
                return Ok(is_created);
            }
        }
        Err(overloaded())
    }

    /// Lets the server remove what has expired.
    pub(super) async fn enable_expiry(&self) -> Result<(), Error> {
        if self.expires().await? {
            return Ok(());
        }
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES_AT).build();
        let expiry = expiry.map_err(|_| Error::Corrupt("a request"))?;
        let request = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(expiry);
        Box::pin(request.send()).await.map_err(|error| self.failed(&error)).map(drop)
    }

    /// Returns what is wrong with the table.
    pub(super) async fn fault(&self) -> Result<Option<TableFault>, Error> {
        let Some(found) = self.describe().await? else { return Ok(Some(TableFault::Missing)) };
        let has = |name: &str, kind: &KeyType| {
            found.key_schema().iter().any(|key| key.attribute_name() == name && key.key_type() == kind)
        };
        if !(has("pk", &KeyType::Hash) && has("sk", &KeyType::Range)) {
            return Ok(Some(TableFault::Keys));
        }
        Ok((!self.expires().await?).then_some(TableFault::Expiry))
    }

    async fn describe(&self) -> Result<Option<TableDescription>, Error> {
        match Box::pin(self.client.describe_table().table_name(&self.name).send()).await {
            Ok(response) => Ok(response.table),
            Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
                Ok(None)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Whether the server removes what has expired.
    async fn expires(&self) -> Result<bool, Error> {
        let sent = Box::pin(self.client.describe_time_to_live().table_name(&self.name).send()).await;
        let found = sent.map_err(|error| self.failed(&error))?.time_to_live_description;
        Ok(found.is_some_and(|found| {
            matches!(found.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
                && found.attribute_name() == Some(EXPIRES_AT)
        }))
    }
}
