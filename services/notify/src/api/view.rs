//! A notice as its member sees it.
//!
//! Invariant: people are shown from the copies of this role; one who is hidden or not known has no name here.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::views::PersonView;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;
use crate::history::Notice;
use crate::model::{KnownPerson, Language};
use crate::sentences::{Sentence, sentences, sentences_naming};
use crate::state::Notify;
use crate::stored_kind::StoredKind;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Notice, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "group": "0198f3a2-1b7d-7e92-8c40-5a6f0d2e9b71",
    "kind": "reacted",
    "actors": [],
    "count": 13,
    "subject": "0198f3a0-0c2f-7d11-b3e4-9f7a6c5d8e20",
    "text": "Ann and 12 others reacted to your post",
    "url": "/p/0198f3a0-0c2f-7d11-b3e4-9f7a6c5d8e20",
    "created_at": "2026-11-30T08:00:00Z",
    "seen": true,
    "read": false,
}))]
pub(super) struct NoticeView {
    /// The id. It is a new one, above all others, whenever the notice has grown.
    id: Uuid,
    /// The id that stays while the notice grows.
    group: Uuid,
    /// What it is about. A kind that a client does not know reads as its `text` says.
    #[schema(value_type = NoticeKind)]
    kind: StoredKind,
    /// Who acted last, at most three, the newest first.
    actors: Vec<PersonView>,
    /// How many people have acted.
    count: u64,
    /// The id of the post, thread, file or greeting.
    #[schema(required)]
    subject: Option<String>,
    /// A sentence in the reader's language.
    text: String,
    /// The path of the page that shows what it is about.
    url: String,
    /// When it came, or has last grown.
    created_at: DateTime<Utc>,
    /// Whether it was seen in the list.
    seen: bool,
    /// Whether it was read.
    read: bool,
}

/// Returns the views of notices, in the same order.
pub(super) async fn views(notify: &Notify, language: Language, notices: Vec<Notice>) -> Result<Vec<NoticeView>, Error> {
    let sentences = sentences(notify, language, &notices).await?;
    Ok(notices.into_iter().zip(sentences).map(|(notice, sentence)| view(notice, sentence)).collect())
}

/// Returns the same, for a caller that has read the people that the notices name.
pub(super) async fn views_naming(
    notify: &Notify,
    language: Language,
    notices: Vec<Notice>,
    people: &HashMap<AccountId, KnownPerson>,
) -> Result<Vec<NoticeView>, Error> {
    let sentences = sentences_naming(notify, language, &notices, people).await?;
    Ok(notices.into_iter().zip(sentences).map(|(notice, sentence)| view(notice, sentence)).collect())
}

fn view(notice: Notice, sentence: Sentence) -> NoticeView {
    NoticeView {
        id: notice.id,
        group: notice.group,
        kind: notice.kind,
        count: notice.actor_count,
        text: sentence.text,
        url: sentence.url,
        actors: sentence.actors.iter().map(person_view).collect(),
        subject: notice.subject,
        created_at: created_at(notice.id),
        seen: notice.is_seen,
        read: notice.is_read,
    }
}

fn person_view(person: &KnownPerson) -> PersonView {
    PersonView {
        id: person.account,
        handle: person.handle.clone(),
        display_name: person.display_name.clone(),
        // What is no id of a file here is one of a later release.
        avatar: person.avatar.as_deref().and_then(|avatar| avatar.parse().ok()),
        is_private: person.is_private,
    }
}

/// Returns the time of an id (RFC 9562, section 5.7: its first 48 bits are milliseconds since 1970).
fn created_at(id: Uuid) -> DateTime<Utc> {
    let milliseconds = i64::try_from(id.as_u128() >> 80).unwrap_or_default();
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_notice_is_that_of_its_id() {
        let now = DateTime::from_timestamp_millis(1_796_025_600_123).unwrap();
        assert_eq!(created_at(base::Random::seeded(1).uuid_v7(now)), now);
        assert_eq!(created_at(Uuid::max()), DateTime::from_timestamp_millis(0xffff_ffff_ffff).unwrap_or_default());
    }
}
