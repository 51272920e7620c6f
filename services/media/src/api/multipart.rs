//! Receives a form whose file may have gigabytes and whose other fields may come before or after it.
//!
//! Owns what becomes of the file; [`form`](super::form) parses the fields. Invariant: a form that cannot be read to its
//! end leaves nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use contract::AccountId;
use futures::Stream;
use http::HeaderMap;
use http_server::Effect;
use multer::Multipart;
use parking_lot::Mutex;

use super::form::{self, FileSink, FormFields, MAX_BUFFERED_BYTES, MAX_NON_FILE_BYTES};
use super::upload_params::{UploadParams, digest};
use crate::Media;
use crate::error::Error;
use crate::ingest::{BodyReader, CommitRequest, Ingest, commit};
use crate::model::Item;

/// Receives the one file of a form. Returns the new item.
pub(super) async fn receive(
    media: &Media,
    owner: AccountId,
    params: &UploadParams,
    (boundary, length, effect): (&str, Option<u64>, Effect),
    body: &mut BodyReader,
) -> Result<Item, Error> {
    let min_bytes = length.unwrap_or(0).saturating_sub(MAX_NON_FILE_BYTES);
    crate::model::limits::check_any_size(&media.config, min_bytes)?;
    let buffered = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let mut form_parts = Multipart::with_constraints(stream(body, &buffered, &failed), boundary, form::constraints());
    let mut fields = FormFields::default();
    let mut file = FormFile { media, owner, params, min_bytes, ingest: None, digest: None };
    let read = form::read(&mut form_parts, &buffered, &mut fields, &mut file).await;
    drop(form_parts);
    // An error of the client or the network is more telling than what the parser made of it.
    let read = match failed.into_inner() {
        Some(error) => Err(error),
        None => read,
    };
    let details = read.and_then(|()| params.with_form(&fields));
    match (details, file.ingest.take()) {
        (Ok(details), Some(ingest)) => {
            commit(ingest, CommitRequest { owner, details, digest: file.digest, upload: None, effect }).await
        }
        (Ok(_), None) => Err(Error::Invalid(match fields.other_file {
            Some(name) => format!("The form has no field `file`: its file is in the field `{name}`."),
            None => "The form has no field `file`.".to_owned(),
        })),
        (Err(error), Some(ingest)) => {
            ingest.discard().await;
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}

/// The file of a form on its way into the object store.
struct FormFile<'a> {
    media: &'a Media,
    owner: AccountId,
    params: &'a UploadParams,
    min_bytes: u64,
    ingest: Option<Ingest>,
    digest: Option<[u8; 32]>,
}

impl FileSink for FormFile<'_> {
    async fn begin(&mut self, fields: &FormFields, headers: &HeaderMap) -> Result<(), Error> {
        self.digest = digest(headers)?;
        // The fields so far are checked before gigabytes arrive.
        self.params.with_form(fields)?;
        self.ingest = Some(Ingest::begin(self.media, self.owner, None).await?.with_min_bytes(self.min_bytes));
        Ok(())
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        match &mut self.ingest {
            Some(ingest) => ingest.push(bytes).await,
            None => Ok(()),
        }
    }
}

/// Returns the body as the parser expects it. `failed` receives the error that ended it early.
fn stream<'a>(
    body: &'a mut BodyReader,
    buffered: &'a AtomicUsize,
    failed: &'a Mutex<Option<Error>>,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'a {
    futures::stream::unfold(body, move |body| async move {
        let buffered_bytes = buffered.load(Ordering::Relaxed);
        if buffered_bytes > 0 {
            // The parser takes all bytes it can get: let it look at what it has first.
            tokio::task::yield_now().await;
        }
        let next = if buffered_bytes > MAX_BUFFERED_BYTES {
            Err(Error::Invalid("A part of the form is too long.".to_owned()))
        } else {
            body.next().await
        };
        match next {
            Ok(Some(bytes)) => {
                buffered.fetch_add(bytes.len(), Ordering::Relaxed);
                Some((Ok(bytes), body))
            }
            Ok(None) => None,
            Err(error) => {
                *failed.lock() = Some(error);
                Some((Err(std::io::Error::other("the body ended early")), body))
            }
        }
    })
}
