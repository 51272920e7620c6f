//! Rows of what members want of comments on their posts.
//!
//! Invariant: written in the lane of the member, which every comment on their posts takes as well; without a row, the
//! member wants nothing.

use db::{Error, FromQueryResult, Sql, Tx};

use crate::model::{PersonNumber, WatchedWords};

/// What a member wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TalkSettings {
    /// Whether every comment of others waits for approval.
    pub approval: bool,
    /// The words for which one waits.
    pub watched_words: WatchedWords,
}

#[derive(FromQueryResult)]
struct Row {
    approval: bool,
    watched_words: String,
}

/// Returns the settings of a member.
pub(crate) async fn find(sql: &impl Sql, person: PersonNumber) -> Result<TalkSettings, Error> {
    let text = "select approval, watched_words from talk_settings where person = $1";
    let row: Option<Row> = sql.row(text, vec![person.0.into()]).await?;
    Ok(row.map_or_else(TalkSettings::default, |row| TalkSettings {
        approval: row.approval,
        watched_words: WatchedWords::from_lines(&row.watched_words),
    }))
}

const SET: &str = "
    insert into talk_settings (person, approval, watched_words)
    values ($1, $2, $3)
    on conflict (person) do update
       set approval = excluded.approval,
           watched_words = excluded.watched_words";

/// Sets the settings of a member.
pub(crate) async fn set(tx: &Tx, person: PersonNumber, settings: &TalkSettings) -> Result<(), Error> {
    let values = vec![person.0.into(), settings.approval.into(), settings.watched_words.to_lines().into()];
    tx.execute(SET, values).await.map(drop)
}
