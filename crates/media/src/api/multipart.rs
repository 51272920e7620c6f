//! Receiving a form whose file may be gigabytes and whose other fields may stand before or after it.
//!
//! Owns what becomes of the file; the fields are read by [`form`](super::form). Invariant: a form that can't be read to its end leaves nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use contract::AccountId;
use futures::Stream;
use http::HeaderMap;
use multer::Multipart;

use super::create::{About, digest};
use super::form::{self, FileSink, HELD_BACK, MOST_BESIDE, Said};
use crate::Media;
use crate::error::Error;
use crate::ingest::{Feed, Finish, Ingest, accept};
use crate::model::Item;

/// Receives the one file of a form.
pub(super) async fn receive(media: &Media, owner: AccountId, about: &About, boundary: &str, length: Option<u64>, feed: &mut Feed) -> Result<Item, Error> {
    let at_least = length.unwrap_or(0).saturating_sub(MOST_BESIDE);
    crate::model::limits::any_size(&media.config, at_least)?;
    let held_back = AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(None);
    let mut parts = Multipart::with_constraints(stream(feed, &held_back, &failed), boundary, form::constraints());
    let mut said = Said::default();
    let mut file = FormFile { media, owner, about, at_least, ingest: None, digest: None };
    let read = form::read(&mut parts, &held_back, &mut said, &mut file).await;
    drop(parts);
    // What the sender or the network did wrong says more than what the parser made of it.
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let read = match failed {
        Some(error) => Err(error),
        None => read,
    };
    let details = read.and_then(|()| about.with_form(&said));
    match (details, file.ingest.take()) {
        (Ok(details), Some(ingest)) => accept(ingest, Finish { owner, details, digest: file.digest, upload: None }).await,
        (Ok(_), None) => Err(Error::Invalid("The form has no field `file`.".to_owned())),
        (Err(error), Some(ingest)) => {
            ingest.discard().await;
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}

/// The file of a form on its way into the store.
struct FormFile<'a> {
    media: &'a Media,
    owner: AccountId,
    about: &'a About,
    at_least: u64,
    ingest: Option<Ingest>,
    digest: Option<[u8; 32]>,
}

impl FileSink for FormFile<'_> {
    async fn begin(&mut self, said: &Said, headers: &HeaderMap) -> Result<(), Error> {
        self.digest = digest(headers)?;
        // What is said so far is checked before gigabytes arrive.
        self.about.with_form(said)?;
        self.ingest = Some(Ingest::begin(self.media, self.owner, None).await?.with_at_least(self.at_least));
        Ok(())
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        match &mut self.ingest {
            Some(ingest) => ingest.push(bytes).await,
            None => Ok(()),
        }
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
