//! The actions of transactions.
//!
//! Invariant: an action that depends on what was read has the condition that this is still so.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use contract::AccountId;
use db::Error;
use uuid::Uuid;

use super::items::{Item, REVISION, Recipient, UNREAD, UNSEEN, item, number_value, text_value};
use super::keys::{self, Key};
use super::table::Table;

/// The error of a builder that lacks a field, which none here does.
fn unbuilt() -> Error {
    Error::Corrupt("a request")
}

impl Table {
    /// Puts an item.
    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, Error> {
        let put = Put::builder().table_name(&self.name).set_item(Some(item)).build().map_err(|_| unbuilt())?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts an item, if there is none with its key.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, Error> {
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(|_| unbuilt())?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts the next revision of a member's counts, if nothing about the member was written since they were read.
    pub(super) fn put_counts(&self, recipient: &Recipient) -> Result<TransactWriteItem, Error> {
        if recipient.revision == 0 {
            return self.put_new(recipient.next_item());
        }
        let put = Put::builder().table_name(&self.name).set_item(Some(recipient.next_item()));
        let put = put
            .condition_expression(format!("{REVISION} = :revision"))
            .expression_attribute_values(":revision", number_value(recipient.revision));
        Ok(TransactWriteItem::builder().put(put.build().map_err(|_| unbuilt())?).build())
    }

    /// Deletes an item, if there is one.
    pub(super) fn delete(&self, key: Key) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder().table_name(&self.name).set_key(Some(item(key, [])));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(|_| unbuilt())?).build())
    }

    /// Deletes a member's counts, if nothing about the member was written since they were read.
    pub(super) fn delete_counts(&self, recipient: &Recipient) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(item(keys::recipient(recipient.member), [])))
            .condition_expression(format!("{REVISION} = :revision"))
            .expression_attribute_values(":revision", number_value(recipient.revision));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(|_| unbuilt())?).build())
    }

    /// Counts a new notice of a member without having read the counts, if its id is above all that the member has had.
    pub(super) fn count_new(
        &self,
        member: AccountId,
        id: Uuid,
        counted: Option<i64>,
        days: u32,
    ) -> Result<TransactWriteItem, Error> {
        // The first expiry is a lower bound, so the one of an older notice stays.
        let expiry = if counted.is_some() { ", next_expiry = if_not_exists(next_expiry, :expiry)" } else { "" };
        let mut update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(item(keys::recipient(member), [])))
            .condition_expression("attribute_not_exists(pk) OR last_id < :id")
            .update_expression(format!(
                "SET last_id = :id, first_id = if_not_exists(first_id, :id), seen_until = if_not_exists(seen_until, \
                 :nil), read_until = if_not_exists(read_until, :nil), kept_days = if_not_exists(kept_days, \
                 :days){expiry} ADD {REVISION} :one, {UNSEEN} :counted, {UNREAD} :counted"
            ))
            .expression_attribute_values(":id", text_value(id.to_string()))
            .expression_attribute_values(":nil", text_value(Uuid::nil().to_string()))
            .expression_attribute_values(":days", number_value(days))
            .expression_attribute_values(":one", number_value(1))
            .expression_attribute_values(":counted", number_value(i64::from(counted.is_some())));
        if let Some(expiry) = counted {
            update = update.expression_attribute_values(":expiry", number_value(expiry));
        }
        Ok(TransactWriteItem::builder().update(update.build().map_err(|_| unbuilt())?).build())
    }
}
