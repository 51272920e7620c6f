//! Rows of the tags, places and mentions of posts.
//!
//! Does not own songs. Invariant: the rows of a post are those of its present text and place, and a row of a tag, a
//! place or a song has the present position of its post.

use std::collections::HashMap;

use contract::social::TopicKind;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use crate::model::{PersonNumber, Position, Topic};

/// Sets the tags of a post, in place of all earlier ones.
pub(crate) async fn set_tags(tx: &Tx, post: Uuid, tags: &[String], position: Position) -> Result<(), Error> {
    tx.execute("delete from post_tag where post = $1", vec![post.into()]).await?;
    if tags.is_empty() {
        return Ok(());
    }
    let text = format!("insert into post_tag (post, tag, position) values {}", placeholders(tags.len(), 3));
    let values: Vec<Value> =
        tags.iter().flat_map(|tag| [post.into(), tag.as_str().into(), position.0.into()]).collect();
    tx.execute(&text, values).await.map(drop)
}

/// Sets the place of a post, in place of an earlier one. Places that differ in case or spaces only are the same.
pub(crate) async fn set_place(tx: &Tx, post: Uuid, place: Option<&str>, position: Position) -> Result<(), Error> {
    tx.execute("delete from post_place where post = $1", vec![post.into()]).await?;
    let topic = place.and_then(|place| Topic::parse(TopicKind::Place, place));
    let Some(topic) = topic else { return Ok(()) };
    let text = "insert into post_place (post, place, position) values ($1, $2, $3)";
    tx.execute(text, vec![post.into(), topic.name.into(), position.0.into()]).await.map(drop)
}

/// Moves the tags, the place and the song of a post to its new position.
pub(crate) async fn move_words(tx: &Tx, post: Uuid, position: Position) -> Result<(), Error> {
    for table in ["post_tag", "post_place", "post_song"] {
        let text = format!("update {table} set position = $2 where post = $1");
        tx.execute(&text, vec![post.into(), position.0.into()]).await?;
    }
    Ok(())
}

/// Sets the people whom a post mentions, in order, in place of all earlier ones.
pub(crate) async fn set_mentions(tx: &Tx, post: Uuid, people: &[PersonNumber]) -> Result<(), Error> {
    tx.execute("delete from post_mention where post = $1", vec![post.into()]).await?;
    if people.is_empty() {
        return Ok(());
    }
    let text = format!("insert into post_mention (post, ordinal, person) values {}", placeholders(people.len(), 3));
    let values: Vec<Value> =
        (0_i64..).zip(people).flat_map(|(ordinal, person)| [post.into(), ordinal.into(), person.0.into()]).collect();
    tx.execute(&text, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct MentionRow {
    post: Uuid,
    person: i64,
}

/// Returns the people whom these posts mention, in order.
pub(crate) async fn list_mentions(sql: &impl Sql, posts: &[Uuid]) -> Result<HashMap<Uuid, Vec<PersonNumber>>, Error> {
    let mut found: HashMap<Uuid, Vec<PersonNumber>> = HashMap::new();
    if posts.is_empty() {
        return Ok(found);
    }
    let text = format!(
        "select post, person
           from post_mention
          where post in {}
          order by post, ordinal",
        placeholders(1, posts.len())
    );
    let rows: Vec<MentionRow> = sql.rows(&text, posts.iter().map(|post| Value::from(*post)).collect()).await?;
    for row in rows {
        found.entry(row.post).or_default().push(PersonNumber(row.person));
    }
    Ok(found)
}
