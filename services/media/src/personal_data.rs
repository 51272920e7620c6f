//! What media keeps about members, and its part of an export: items, captions, albums, links and originals.
//!
//! Invariant: a page has rows of one owner only. It has no token of a link and no hash of one, and says nothing of who
//! used a link.

use async_trait::async_trait;
use codec::filename::{clean, with_extension};
use codec::sniff::Format;
use contract::AccountId;
use db::{Db, Error};
use screening::classifier::Score;
use serde_json::{Value, json};
use service::personal_data::{
    ExportFile, ExportPage, FileContent, KeptData, OriginalFile, PersonalDataSource, TableData,
};

use crate::Media;
use crate::model::Item;
use crate::model::album::Album;
use crate::model::cursor::{Cursor, Order};
use crate::model::withheld::Withheld;
use crate::store::album_items::Shown;
use crate::store::{self, personal_data as rows};

const ACCOUNT: &str = "media/account.json";
const ITEMS: &str = "media/items.json";
const CAPTIONS: &str = "media/captions.json";
const ALBUMS: &str = "media/albums.json";
const UPLOADS: &str = "media/uploads.json";
const ORIGINALS: &str = "originals/";

/// Rows of a page.
const PAGE: usize = 100;
/// Captions of a page: each text has up to a mebibyte.
const CAPTIONS_PAGE: usize = 8;
/// Albums of a page: each is read with the ids of its items.
const ALBUMS_PAGE: usize = 10;
/// Items of an album that are read at once.
const ALBUM_ITEMS_BATCH: usize = 1000;

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[
        file(ACCOUNT, FileContent::Record, "How much you store, and whether your public items are listed."),
        file(
            ITEMS,
            FileContent::List,
            "Every photo, song and video that you sent, also those in the trash, with its texts, tags, metadata and \
             links. `file` is its name in this archive.",
        ),
        file(CAPTIONS, FileContent::List, "The captions of your items, with their texts (WebVTT)."),
        file(ALBUMS, FileContent::List, "Your albums, with the ids of their items in their order."),
        file(UPLOADS, FileContent::List, "Uploads that are not complete."),
        file(
            ORIGINALS,
            FileContent::Originals,
            "The files that you sent, byte for byte; photos that the server has compressed again since then have the \
             same pixels and metadata.",
        ),
    ],
    tables: &[
        ("item", TableData::ExportedIn(ITEMS)),
        ("item_term", TableData::NotExported("Hashes of the words of items, for the search.")),
        ("upload", TableData::ExportedIn(UPLOADS)),
        ("usage", TableData::ExportedIn(ACCOUNT)),
        ("album", TableData::ExportedIn(ALBUMS)),
        ("album_item", TableData::ExportedIn(ALBUMS)),
        ("caption", TableData::ExportedIn(CAPTIONS)),
        ("share_link", TableData::ExportedIn(ITEMS)),
        ("private_member", TableData::ExportedIn(ACCOUNT)),
        ("replaced_object", TableData::NotExported("Names of replaced files, which are removed after a day.")),
        ("blocked_media", TableData::NotExported("Digests of files that moderators have refused for everyone.")),
        ("item_picture", TableData::NotExported("Hashes of pictures, by which known ones are found.")),
        ("listed_picture", TableData::NotExported("Hashes of pictures that may not be shared here, about no member.")),
        ("picture_list", TableData::NotExported("How far pictures were compared with the list.")),
        ("member_standing", TableData::NotExported("A copy of the standing that account.json has.")),
    ],
};

const fn file(name: &'static str, content: FileContent, about: &'static str) -> ExportFile {
    ExportFile { name, content, about }
}

#[async_trait]
impl PersonalDataSource for Media {
    async fn export_page(&self, account: uuid::Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, Error> {
        let (db, owner) = (&self.context.db, AccountId(account));
        match file {
            ACCOUNT => account_page(db, owner).await,
            ITEMS => self.items_page(owner, after).await,
            CAPTIONS => captions_page(db, owner, after).await,
            ALBUMS => albums_page(db, owner, after).await,
            UPLOADS => uploads_page(db, owner, after).await,
            ORIGINALS => originals_page(db, owner, after).await,
            _ => Ok(ExportPage::default()),
        }
    }
}

async fn account_page(db: &Db, owner: AccountId) -> Result<ExportPage, Error> {
    let usage = store::usage::find(db.read(), owner).await?;
    let is_private = store::private_members::is_private(db.read(), owner).await?;
    Ok(ExportPage::of_record(json!({
        "bytes": usage.as_ref().map_or(0, |usage| usage.bytes),
        "items": usage.as_ref().map_or(0, |usage| usage.items),
        "public_items_are_listed": !is_private,
    })))
}

impl Media {
    async fn items_page(&self, owner: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
        let (sql, now) = (self.context.db.read(), self.context.clock.now());
        let items = rows::list_items(sql, owner, after.unwrap_or_default(), PAGE).await?;
        let mut records = Vec::with_capacity(items.len());
        for item in &items {
            let links = store::share_links::list(sql, &item.id, now).await?;
            let links = links
                .iter()
                .map(|link| json!({"id": link.id, "created_at": link.created_at, "expires_at": link.expires_at}));
            let mut record = item_record(item);
            record["links"] = links.collect();
            records.push(record);
        }
        Ok(ExportPage::of_records(records, next_item(&items)))
    }
}

/// Returns where the page after these items starts.
fn next_item(items: &[Item]) -> Option<String> {
    items.last().filter(|_| items.len() == PAGE).map(|item| item.id.to_string())
}

fn item_record(item: &Item) -> Value {
    let captions = item.captions.iter().map(|track| json!({"lang": track.lang, "label": track.label}));
    let captions: Value = captions.collect();
    json!({
        "id": item.id,
        "file": format!("{ORIGINALS}{}", original_name(item)),
        "name": item.name,
        "description": item.description,
        "alt": item.alt,
        "kind": item.kind,
        "content_type": item.content_type,
        "state": item.state,
        "failure": item.failure,
        "visibility": item.visibility,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "width": item.width,
        "height": item.height,
        "duration_ms": item.duration_ms,
        "tags": item.tags,
        "taken_at": item.taken_at,
        "camera": item.camera,
        "claimed": item.claimed,
        "subject": item.subject,
        "captions": captions,
        "marked_sensitive": item.marks.owner,
        "nudity_score_thousandths": item.marks.nudity.map(Score::thousandths),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "removed_at": item.trashed.map(|trashed| trashed.removed_at),
        "purges_at": item.trashed.map(|trashed| trashed.purges_at),
        "withheld": item.withheld.as_ref().map(Withheld::view),
    })
}

/// Returns the name of an original in the archive. It begins with the id, so no two files have one name.
fn original_name(item: &Item) -> String {
    let name = match item.format.parse::<Format>() {
        Ok(format) => with_extension(&item.name, format),
        Err(_) => clean(&item.name),
    };
    format!("{}-{name}", item.id)
}

async fn captions_page(db: &Db, owner: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
    // An id has letters and digits only, so the first dash ends it.
    let position = after.and_then(|after| after.split_once('-')).unwrap_or_default();
    let captions = rows::list_captions(db.read(), owner, position, CAPTIONS_PAGE).await?;
    let last = captions.last().filter(|_| captions.len() == CAPTIONS_PAGE);
    let next = last.map(|last| format!("{}-{}", last.item, last.lang));
    let records = captions
        .iter()
        .map(|row| json!({"item": row.item, "lang": row.lang, "text": row.content, "updated_at": row.updated_at}));
    Ok(ExportPage::of_records(records.collect(), next))
}

async fn albums_page(db: &Db, owner: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
    let cursor = after.map(|text| Cursor::parse(text).ok_or(Error::Corrupt("a cursor"))).transpose()?;
    let albums = store::albums::list(db.read(), owner, cursor.as_ref(), ALBUMS_PAGE).await?;
    let last = albums.last().filter(|_| albums.len() == ALBUMS_PAGE);
    let next = last.map(|last| Cursor { order: Order::Added, at: last.created_at, id: last.id.to_string() }.text());
    let mut records = Vec::with_capacity(albums.len());
    for album in &albums {
        records.push(album_record(db, album).await?);
    }
    Ok(ExportPage::of_records(records, next))
}

async fn album_record(db: &Db, album: &Album) -> Result<Value, Error> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let items = store::album_items::list(db.read(), &album.id, Shown::All, after, ALBUM_ITEMS_BATCH).await?;
        let is_last = items.len() < ALBUM_ITEMS_BATCH;
        after = items.last().map(|item| item.rank);
        ids.extend(items.into_iter().map(|item| item.id));
        if is_last {
            break;
        }
    }
    Ok(json!({
        "id": album.id,
        "title": album.title,
        "description": album.description,
        "visibility": album.visibility,
        "cover": album.cover,
        "items": ids,
        "created_at": album.created_at,
        "updated_at": album.updated_at,
    }))
}

async fn uploads_page(db: &Db, owner: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
    let uploads = rows::list_uploads(db.read(), owner, after.unwrap_or_default(), PAGE).await?;
    let next = uploads.last().filter(|_| uploads.len() == PAGE).map(|upload| upload.id.clone());
    let records = uploads.iter().map(|upload| {
        json!({
            "name": upload.name,
            "description": upload.description,
            "alt": upload.alt,
            "visibility": upload.visibility,
            "bytes": upload.length,
            "received": upload.received,
            "created_at": upload.created_at,
            "expires_at": upload.expires_at,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

async fn originals_page(db: &Db, owner: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
    let items = rows::list_items(db.read(), owner, after.unwrap_or_default(), PAGE).await?;
    let next = next_item(&items);
    let originals = items.into_iter().map(|item| OriginalFile {
        name: original_name(&item),
        object: item.object,
        bytes: item.bytes,
        modified_at: item.created_at,
    });
    Ok(ExportPage { originals: originals.collect(), next, ..ExportPage::default() })
}
