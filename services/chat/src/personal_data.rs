//! What this role keeps about members, and its part of an export of their data.
//!
//! Invariant: a file has what the member has written, and nothing that others have.

use async_trait::async_trait;
use contract::AccountId;
use db::Error;
use screening_store::verdicts;
use serde_json::json;
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::model::MemberState;
use crate::state::Chat;
use crate::store::{self, last_seen, members, messages, reports, settings};

const MESSAGES: &str = "chat/messages.json";
const CONVERSATIONS: &str = "chat/conversations.json";
const SETTINGS: &str = "chat/settings.json";
const VERDICTS: &str = "chat/verdicts.json";
const REPORTS: &str = "chat/reports.json";
/// Records of a page.
const PAGE: usize = 100;

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[
        file(MESSAGES, FileContent::List, "The messages that you have sent."),
        file(CONVERSATIONS, FileContent::List, "The conversations that you take part in, and since when."),
        file(SETTINGS, FileContent::Record, "What you want of messages, and when you were online last."),
        file(VERDICTS, FileContent::List, "What was decided about messages of yours."),
        file(REPORTS, FileContent::List, "The messages that you have reported, and why."),
    ],
    tables: &[
        ("conversation", TableData::NotExported("Names of groups, which belong to all of their members.")),
        ("conversation_member", TableData::ExportedIn(CONVERSATIONS)),
        ("chat_message", TableData::ExportedIn(MESSAGES)),
        ("chat_change", TableData::NotExported("The order in which messages and marks came.")),
        ("hidden_message", TableData::NotExported("Which messages you have deleted for yourself.")),
        ("message_media", TableData::NotExported("Copies of what your library says of the media of messages.")),
        ("message_report", TableData::ExportedIn(REPORTS)),
        ("message_reaction", TableData::NotExported("Reactions, which belong to the messages of others.")),
        ("chat_person", TableData::NotExported("A copy of the profile that account.json has.")),
        ("chat_standing", TableData::NotExported("A copy of the standing that account.json has.")),
        ("chat_settings", TableData::ExportedIn(SETTINGS)),
        ("chat_last_seen", TableData::ExportedIn(SETTINGS)),
        ("chat_block", TableData::NotExported("A copy of the blocks that social has.")),
        ("chat_sender", TableData::NotExported("Counts that limit how many new people a member can write to.")),
        ("first_text", TableData::NotExported("Numbers by which alike first messages are found, for two days.")),
        ("chat_domain", TableData::NotExported("Which sites were linked to; it is about no member.")),
        ("chat_verdict", TableData::ExportedIn(VERDICTS)),
        ("erased_account", TableData::NotExported("Ids of accounts that were erased, for 30 days.")),
    ],
};

const fn file(name: &'static str, content: FileContent, about: &'static str) -> ExportFile {
    ExportFile { name, content, about }
}

#[async_trait]
impl PersonalDataSource for Chat {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, Error> {
        let member = AccountId(account);
        let parse = |text: &str| Uuid::parse_str(text).map_err(|_| Error::Corrupt("a cursor"));
        let before = || after.map_or(Ok(Uuid::max()), parse);
        match file {
            MESSAGES => messages_page(self, member, before()?).await,
            CONVERSATIONS => conversations_page(self, member, after.map_or(Ok(Uuid::nil()), parse)?).await,
            SETTINGS => {
                let found = settings::find(self.context.db.read(), member).await?;
                let last_seen = last_seen::list(self.context.db.read(), &[member]).await?;
                let record = json!({
                    "allow_strangers": found.allows_strangers,
                    "send_receipts": found.sends_receipts,
                    "presence": found.presence,
                    "last_seen_at": last_seen.get(&member),
                });
                Ok(ExportPage::of_record(record))
            }
            VERDICTS => verdicts_page(self, member, before()?).await,
            REPORTS => reports_page(self, member, before()?).await,
            _ => Ok(ExportPage::default()),
        }
    }
}

/// Returns the cursor of the next page, if this one is full.
fn next(len: usize, last: Option<Uuid>) -> Option<String> {
    last.filter(|_| len == PAGE).map(|id| id.to_string())
}

async fn messages_page(chat: &Chat, member: AccountId, before: Uuid) -> Result<ExportPage, Error> {
    let found = messages::list_of_author(chat.context.db.read(), member, before, PAGE).await?;
    let next = next(found.len(), found.last().map(|last| last.id));
    let records = found.into_iter().map(|message| {
        json!({
            "id": message.id,
            "conversation": message.conversation,
            "text": message.text,
            // An export does not say either that another member has blocked the author.
            "state": message.state.shown().as_str(),
            "created_at": message.created_at,
            "edited_at": message.edited_at,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

async fn conversations_page(chat: &Chat, member: AccountId, after: Uuid) -> Result<ExportPage, Error> {
    let found = members::list_of(chat.context.db.read(), member, after, PAGE).await?;
    let next = next(found.len(), found.last().map(|last| last.conversation));
    // Nothing has come to a member who waits: they know nothing of the conversation.
    let records = found
        .into_iter()
        .filter(|member| member.state != MemberState::Waiting)
        .map(|member| json!({"conversation": member.conversation, "state": member.state, "since": member.joined_at}));
    Ok(ExportPage::of_records(records.collect(), next))
}

async fn verdicts_page(chat: &Chat, member: AccountId, before: Uuid) -> Result<ExportPage, Error> {
    let found = verdicts::list(chat.context.db.read(), &store::VERDICTS, member.0, before, PAGE).await?;
    let next = next(found.len(), found.last().map(|last| last.id));
    let records = found.into_iter().map(|verdict| {
        json!({
            "id": verdict.id,
            "message": verdict.object,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "created_at": verdict.created_at,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

async fn reports_page(chat: &Chat, member: AccountId, before: Uuid) -> Result<ExportPage, Error> {
    let found = reports::list(chat.context.db.read(), member, before, PAGE).await?;
    let next = next(found.len(), found.last().map(|last| last.id));
    let records = found.into_iter().map(|report| {
        json!({
            "message": report.message,
            "reason": report.reason,
            "text": report.text,
            "created_at": report.created_at,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}
