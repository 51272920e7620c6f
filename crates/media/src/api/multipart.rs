//! Reading a form whose file may be gigabytes and whose other fields may stand before or after it.
//!
//! Invariant: what the parser holds back is bounded: a part that brings nothing usable within [`HELD_BACK`] bytes is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use contract::AccountId;
use futures::Stream;
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::create::{About, digest};
use crate::Media;
use crate::error::Error;
use crate::ingest::{Feed, Finish, Ingest, accept};
use crate::model::Item;

/// Bytes that may arrive without any of them being handed on: boundaries and the fields' own headers are much shorter.
const HELD_BACK: usize = 64 * 1024;
/// Bytes of a text field.
const MOST_TEXT: usize = 8 * 1024;
/// Fields of a form.
const MOST_FIELDS: usize = 64;

/// What of a form can be anything but its file, in bytes: a larger form has a file of at least the difference.
const MOST_BESIDE: u64 = (MOST_FIELDS * (MOST_TEXT + 1024)) as u64;

/// What a form says besides the file.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub name: Option<String>,
    pub file_name: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub claim: Option<String>,
}

/// The boundary of a form; nothing where the content type is another.
pub(super) fn boundary(content_type: &str) -> Option<Result<String, Error>> {
    let is_form = content_type.trim_start().get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    is_form.then(|| {
        multer::parse_boundary(content_type).map_err(|_| Error::Invalid("The form has no boundary in its Content-Type. Let your HTTP library set that header.".to_owned()))
    })
}

/// Receives the one file of a form.
pub(super) async fn receive(media: &Media, owner: AccountId, about: &About, boundary: &str, length: Option<u64>, feed: &mut Feed) -> Result<Item, Error> {
    let at_least = length.unwrap_or(0).saturating_sub(MOST_BESIDE);
    crate::model::limits::any_size(&media.config, at_least)?;
    let held_back = AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(None);
    let constraints = Constraints::new().size_limit(SizeLimit::new().for_field("file", u64::MAX));
    let mut form = Multipart::with_constraints(stream(feed, &held_back, &failed), boundary, constraints);
    let mut reading = Reading { media, owner, about, said: Said::default(), at_least, file: None, digest: None };
    let read = reading.read(&mut form, &held_back).await;
    drop(form);
    // What the sender or the network did wrong says more than what the parser made of it.
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let read = match failed {
        Some(error) => Err(error),
        None => read,
    };
    let details = read.and_then(|()| about.with_form(&reading.said));
    match (details, reading.file.take()) {
        (Ok(details), Some(ingest)) => accept(ingest, Finish { owner, details, digest: reading.digest, upload: None }).await,
        (Ok(_), None) => Err(Error::Invalid("The form has no field `file`.".to_owned())),
        (Err(error), Some(ingest)) => {
            ingest.discard().await;
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}

struct Reading<'a> {
    media: &'a Media,
    owner: AccountId,
    about: &'a About,
    said: Said,
    at_least: u64,
    file: Option<Ingest>,
    digest: Option<[u8; 32]>,
}

impl Reading<'_> {
    async fn read(&mut self, form: &mut Multipart<'_>, held_back: &AtomicUsize) -> Result<(), Error> {
        for _ in 0..MOST_FIELDS {
            let Some(field) = form.next_field().await.map_err(unreadable)? else { return Ok(()) };
            held_back.store(0, Ordering::Relaxed);
            if field.name() == Some("file") {
                self.take_file(field, held_back).await?;
            } else {
                self.take_text(field, held_back).await?;
            }
        }
        Err(Error::Invalid(format!("A form has at most {MOST_FIELDS} fields.")))
    }

    async fn take_file(&mut self, mut field: Field<'_>, held_back: &AtomicUsize) -> Result<(), Error> {
        if self.file.is_some() {
            return Err(Error::Invalid("Send one file per request.".to_owned()));
        }
        self.said.file_name = field.file_name().map(str::to_owned);
        self.digest = digest(field.headers())?;
        // What is said so far is checked before gigabytes arrive.
        self.about.with_form(&self.said)?;
        let mut ingest = Ingest::begin(self.media, self.owner, None).await?.with_at_least(self.at_least);
        loop {
            let pushed = match field.chunk().await {
                Ok(Some(chunk)) => {
                    held_back.store(0, Ordering::Relaxed);
                    ingest.push(chunk).await
                }
                Ok(None) => break,
                Err(error) => Err(unreadable(error)),
            };
            if let Err(error) = pushed {
                ingest.discard().await;
                return Err(error);
            }
        }
        self.file = Some(ingest);
        Ok(())
    }

    async fn take_text(&mut self, mut field: Field<'_>, held_back: &AtomicUsize) -> Result<(), Error> {
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            held_back.store(0, Ordering::Relaxed);
            if bytes.len() + chunk.len() > MOST_TEXT {
                return Err(Error::Invalid(format!("The field `{}` is too long.", codec::name::clean(&name))));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::Invalid("Fields of the form are UTF-8.".to_owned()))?;
        match name.as_str() {
            "name" => self.said.name = Some(text),
            "tags" => self.said.tags.push(text),
            "visibility" => self.said.visibility = Some(text),
            "claim" => self.said.claim = Some(text),
            // Browsers and libraries add fields of their own.
            _ => {}
        }
        Ok(())
    }
}

fn unreadable(error: multer::Error) -> Error {
    match error {
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteHeaders | multer::Error::IncompleteStream => Error::Incomplete,
        other => Error::Invalid(format!("The form can't be read: {other}.")),
    }
}

/// The body as the parser wants it. `failed` keeps why it ended early.
fn stream<'a>(feed: &'a mut Feed, held_back: &'a AtomicUsize, failed: &'a std::sync::Mutex<Option<Error>>) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'a {
    futures::stream::unfold(feed, move |feed| async move {
        let held = held_back.load(Ordering::Relaxed);
        if held > 0 {
            // The parser takes all it can get: make it look at what it has first.
            tokio::task::yield_now().await;
        }
        let next = if held > HELD_BACK { Err(Error::Invalid("A part of the form has no end.".to_owned())) } else { feed.next().await };
        match next {
            Ok(Some(bytes)) => {
                held_back.fetch_add(bytes.len(), Ordering::Relaxed);
                Some((Ok(bytes), feed))
            }
            Ok(None) => None,
            Err(error) => {
                *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                Some((Err(std::io::Error::other("the body ended early")), feed))
            }
        }
    })
}
