//! The errors of media, as problems that clients receive.
//!
//! Invariant: a stranger can't tell a private item from one that does not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::{Code, every_role};

use crate::codes;

/// An error of media. Sizes are in bytes unless the field says otherwise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("There is no such media, or it is not yours to see.")]
    NotFound,
    #[error("There is no account with this handle. Check it, or send the account's id.")]
    NoSuchMember,
    #[error("The conversion of this item has not failed, so there is nothing to retry.")]
    NotFailed,
    #[error("The list has no such picture. It was removed, or never on it.")]
    NoSuchListedPicture,
    #[error("Line {0} is not a PDQ hash, which has 64 hexadecimal digits. Nothing was added.")]
    BadHashList(usize),
    #[error("The list has {0} pictures, which is the limit. Remove some, and send the whole list again.")]
    HashListFull(u64),
    #[error("This picture is known as one that may not be shared here, so it stays private unless you appeal.")]
    Withheld,
    #[error("You have no media {0}. Nothing was claimed.")]
    NotOwned(String),
    #[error("{0} was claimed for another subject already. Nothing was claimed.")]
    AlreadyClaimed(String),
    #[error("There is no such album, or it is not yours to see.")]
    NoSuchAlbum,
    #[error("You have no media {0} in your library. Nothing was added.")]
    NotInLibrary(String),
    #[error("You have {0} albums, which is the limit. Delete one first.")]
    QuotaAlbums(u64),
    #[error("An album has at most {max} items, and this one has {items}, with those in the trash. Nothing was added.")]
    AlbumFull { items: u64, max: u64 },
    #[error("{0}")]
    Invalid(String),
    #[error("The file is empty. Choose another.")]
    EmptyFile,
    #[error(
        "This is {0}. Send a photo (JPEG, PNG, WebP, GIF, AVIF, HEIC), an audio file (MP3, M4A, WAV, FLAC, Ogg) or \
         a video (MP4, MOV, WebM, MKV)."
    )]
    UnsupportedType(&'static str),
    #[error("The file is larger than {} MB, the limit for {what}.", .max / 1_048_576)]
    TooLarge { max: u64, what: &'static str },
    #[error(
        "The image is {0} × {1} pixels. Make it smaller: at most {2} megapixels and {3} pixels on its longest side."
    )]
    TooManyPixels(u32, u32, u64, u32),
    #[error("The animation is too long. Send at most {0} frames, or a video instead.")]
    TooManyFrames(u32),
    #[error("The photo has more than {0} progressive scans. Save it as a baseline JPEG.")]
    TooManyScans(u32),
    #[error("The photo consists of too many images. Save it as a JPEG.")]
    TooManyPictures,
    #[error(
        "The audio has {rate} samples per second. Convert it to between {min} and {max}; 44100 and 48000 are usual."
    )]
    SampleRate { rate: u32, min: u32, max: u32 },
    #[error("The audio has {0} channels. Mix it down to at most {1}.")]
    TooManyChannels(u32, u32),
    #[error(
        "The file has {0} tracks and attachments. Export it with one video track and one audio track; the limit is {1}."
    )]
    TooManyTracks(u32, u32),
    #[error("The file lists more samples than a recording of its length can have. Export it again.")]
    TooManySamples,
    #[error(
        "The edit list of the file has {0} entries, which is too many. Export the file again, so that its edits are \
         applied."
    )]
    TooManyEdits(u64),
    #[error(
        "The cover image or the tags in the file are too large. The limits are {0} megapixels for the cover and {1} MB \
         for all tags."
    )]
    CoverTooLarge(u64, u64),
    #[error("The recording is longer than {0} minutes. Send it in parts.")]
    TooLong(u64),
    #[error("The file is damaged: {0}. Send it again from the original.")]
    BrokenFile(String),
    #[error("The upload ended before the whole file arrived. Send it again.")]
    Incomplete,
    #[error("The upload is longer than announced. Send it again with the right length.")]
    LengthExceeded,
    #[error("The digest of the bytes that arrived differs from the announced one. Send the file again.")]
    DigestMismatch,
    #[error("Moderators of this site have decided that this file may not be sent here.")]
    Blocked,
    #[error("The digest can't be read. Send it as `Repr-Digest: sha-256=:<base64>:`.")]
    BadDigest,
    #[error(
        "The client sent fewer than {0} bytes per second. Try again with a better connection, or use a resumable \
         upload (/v1/uploads)."
    )]
    TooSlow(u64),
    #[error("Send the file without Content-Encoding, which is not supported here.")]
    ContentEncoding,
    #[error(
        "Your library is full: {} MB of {} MB are used. Delete something first, and remove it from the trash.",
        .used / 1_048_576,
        .max / 1_048_576
    )]
    QuotaBytes { used: u64, max: u64 },
    #[error(
        "Your library is full: it has {0} items, which is the limit. Delete something first, and remove it from the \
         trash."
    )]
    QuotaItems(u64),
    #[error(
        "You have sent {max} files within an hour, which is the limit. Continue in {} minutes.",
        .wait.as_secs().div_ceil(60)
    )]
    QuotaRate { max: u64, wait: Duration },
    #[error("This account was erased, and nothing is stored under it any more. Sign up again to send files.")]
    AccountClosed,
    #[error("Your account is limited: you can't show anything to others until that ends. Sign in again to see why.")]
    AccountLimited,
    #[error("You have {0} unfinished uploads, which is the limit. Finish or cancel some first.")]
    QuotaUploads(u64),
    #[error("This item has {0} links already, which is the limit. Revoke one first.")]
    QuotaLinks(usize),
    #[error("The item has no such link. It was revoked, or has expired.")]
    NoSuchLink,
    #[error("The server is receiving too many files right now. Try again in a few seconds.")]
    Busy,
    #[error("Too many clients follow this item already. Poll it instead, or try again later.")]
    TooManyFollowers,
    #[error("You are reading {0} pages of your library at once, which is the limit. Wait for one of them to finish.")]
    TooManyLists(usize),
    #[error("The server is reading too many libraries right now. Try again in a moment.")]
    ListsBusy,
    #[error("There is no such upload. It was never created, was cancelled, or has expired. Create a new one.")]
    NoSuchUpload,
    #[error("The upload is at offset {0}, which differs from `Upload-Offset`. Ask with HEAD and continue from there.")]
    WrongOffset(u64),
    #[error("Another request has taken over this upload. Ask with HEAD and continue from there.")]
    TakenOver,
    #[error("The bytes of this request do not match their Upload-Checksum and were discarded. Send them again.")]
    ChecksumMismatch,
    #[error("{0}")]
    BadTusRequest(&'static str),
    #[error("Send the bytes with `Content-Type: application/offset+octet-stream`.")]
    NotOffsetStream,
    #[error("This server supports tus 1.0.0. Send `Tus-Resumable: 1.0.0`.")]
    TusVersion,
    #[error(transparent)]
    Captions(#[from] codec::webvtt::Error),
    #[error("The item has captions in {0} languages, which is the limit. Remove some first.")]
    TooManyCaptions(usize),
    #[error("The item has no captions in this language. Its view lists those that it has.")]
    NoSuchCaptions,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("the database failed")]
    Db(#[from] db::Error),
    #[error("the database failed")]
    SharedDb(#[source] Arc<db::Error>),
    #[error("the store failed")]
    Objects(#[from] objects::Error),
    #[error("a background task ended early")]
    TaskFailed,
}

/// A problem that another layer has built already, such as a rejected token.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
pub(crate) struct Rejection(pub Problem);

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Rejected(Rejection(problem))
    }
}

impl Error {
    /// Returns whether the bytes of the upload themselves are refused, so that resuming it cannot help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::EmptyFile
                | Self::UnsupportedType(_)
                | Self::TooLarge { .. }
                | Self::TooManyPixels(..)
                | Self::TooManyFrames(_)
                | Self::TooManyScans(_)
                | Self::TooManyPictures
                | Self::SampleRate { .. }
                | Self::TooManyChannels(..)
                | Self::TooManyTracks(..)
                | Self::TooManySamples
                | Self::TooManyEdits(_)
                | Self::CoverTooLarge(..)
                | Self::TooLong(_)
                | Self::BrokenFile(_)
        )
    }

    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::Rejected(Rejection(problem)) => problem,
            Self::Db(error) => error.into(),
            Self::SharedDb(error) => Problem::of_engine(&*error),
            Self::Objects(error) => error.into(),
            error => match error.code() {
                Some(code) => {
                    let problem = Problem::of(code, error.to_string());
                    match error.retry_after() {
                        Some(wait) => problem.retry_after(wait),
                        None => problem,
                    }
                }
                None => Problem::fault(&error),
            },
        }
    }

    /// Returns the row of the table of codes; `None` for an error that another layer describes, or that no client can
    /// act on.
    fn code(&self) -> Option<&'static Code> {
        Some(match self {
            Self::NotFound | Self::NotOwned(_) | Self::NotInLibrary(_) => codes::NOT_FOUND,
            Self::NoSuchMember => codes::NO_SUCH_MEMBER,
            Self::NotFailed => codes::NOT_FAILED,
            Self::NoSuchListedPicture => codes::NO_SUCH_LISTED_PICTURE,
            Self::BadHashList(_) => codes::BAD_HASH_LIST,
            Self::HashListFull(_) => codes::HASH_LIST_FULL,
            Self::Withheld => codes::WITHHELD,
            Self::NoSuchAlbum => codes::NO_SUCH_ALBUM,
            Self::QuotaAlbums(_) => codes::QUOTA_ALBUMS,
            Self::AlbumFull { .. } => codes::ALBUM_FULL,
            Self::AlreadyClaimed(_) => codes::ALREADY_CLAIMED,
            Self::Invalid(_) => every_role::INVALID,
            Self::EmptyFile => codes::EMPTY,
            Self::UnsupportedType(_) => codes::UNSUPPORTED_TYPE,
            Self::TooLarge { .. } => codes::TOO_LARGE,
            Self::TooManyPixels(..) => codes::TOO_MANY_PIXELS,
            Self::TooManyFrames(_) => codes::TOO_MANY_FRAMES,
            Self::TooManyScans(_) => codes::TOO_MANY_SCANS,
            Self::TooManyPictures => codes::TOO_MANY_PICTURES,
            Self::SampleRate { .. } => codes::BAD_SAMPLE_RATE,
            Self::TooManyChannels(..) => codes::TOO_MANY_CHANNELS,
            Self::TooManyTracks(..) => codes::TOO_MANY_TRACKS,
            Self::TooManySamples => codes::TOO_MANY_SAMPLES,
            Self::TooManyEdits(_) => codes::TOO_MANY_EDITS,
            Self::CoverTooLarge(..) => codes::COVER_TOO_LARGE,
            Self::TooLong(_) => codes::TOO_LONG,
            Self::BrokenFile(_) => codes::BROKEN_FILE,
            Self::Incomplete => codes::INCOMPLETE,
            Self::LengthExceeded => codes::TOO_MUCH,
            Self::DigestMismatch => codes::DIGEST_MISMATCH,
            Self::Blocked => codes::BLOCKED,
            Self::BadDigest => codes::BAD_DIGEST,
            Self::TooSlow(_) => codes::TOO_SLOW,
            Self::ContentEncoding => codes::UNSUPPORTED_CONTENT_ENCODING,
            Self::QuotaBytes { .. } => codes::QUOTA_BYTES,
            Self::QuotaItems(_) => codes::QUOTA_ITEMS,
            Self::QuotaUploads(_) => codes::QUOTA_UPLOADS,
            Self::QuotaLinks(_) => codes::QUOTA_LINKS,
            Self::NoSuchLink => codes::NO_SUCH_LINK,
            Self::AccountClosed => codes::ACCOUNT_CLOSED,
            Self::AccountLimited => codes::ACCOUNT_LIMITED,
            Self::QuotaRate { .. } => codes::QUOTA_RATE,
            Self::Busy => codes::BUSY,
            Self::TooManyFollowers => codes::TOO_MANY_FOLLOWERS,
            Self::TooManyLists(_) => codes::TOO_MANY_LISTS,
            Self::ListsBusy => codes::LISTS_BUSY,
            Self::NoSuchUpload => codes::NO_SUCH_UPLOAD,
            Self::WrongOffset(_) => codes::WRONG_OFFSET,
            Self::TakenOver => codes::TAKEN_OVER,
            Self::ChecksumMismatch => codes::CHECKSUM_MISMATCH,
            Self::BadTusRequest(_) => codes::BAD_UPLOAD_REQUEST,
            Self::NotOffsetStream => codes::NOT_OFFSET_STREAM,
            Self::TusVersion => codes::TUS_VERSION,
            Self::Captions(_) => codes::BAD_CAPTIONS,
            Self::TooManyCaptions(_) => codes::TOO_MANY_CAPTIONS,
            Self::NoSuchCaptions => codes::NO_SUCH_CAPTIONS,
            Self::Rejected(_) | Self::Db(_) | Self::SharedDb(_) | Self::Objects(_) | Self::TaskFailed => return None,
        })
    }

    /// Returns after how long a retry makes sense, where that differs from the second that a problem says by itself.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QuotaRate { wait, .. } => Some(*wait),
            Self::Busy => Some(Duration::from_secs(3)),
            Self::TooManyFollowers => Some(Duration::from_secs(10)),
            _ => None,
        }
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::SharedDb(error) => error.is_transient(),
            Self::Objects(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}
