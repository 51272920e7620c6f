//! Small objects in memory, and large ones as streams.
//!
//! Owns the two memory bounds of reading bytes. Whole objects (segments, pictures, posters) are shared: their buffers count for as long
//! as anybody holds them, cached or on the way to a slow reader, and when there is no room for another it is streamed instead.
//! Streams share a budget: the more there are, the smaller their pieces. Invariant: buffers of whole objects never exceed twice
//! `memory_bytes` (and what is being written), and a stream holds two pieces at most.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use codec::scrub::Patch;
use contract::ObjectKey;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kit::objects::{self, Objects};

use crate::config::Config;
use crate::error::Error;

/// Larger objects are always streamed.
const LARGEST_WHOLE: u64 = 8 << 20;
/// What the object store reads at once.
const WHOLE_PIECE: u64 = 256 << 10;
/// With ten thousand readers, a piece still has this size.
const SMALLEST_PIECE: u64 = 16 << 10;
const LARGEST_WINDOW: u64 = 8 << 20;

/// The shelf in front of the object store.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    objects: Objects,
    whole: moka::future::Cache<ObjectKey, Bytes>,
    /// Bytes of buffers that somebody holds, or is about to.
    held: Arc<AtomicU64>,
    most_held: u64,
    streams: Arc<AtomicU64>,
    stream_bytes: u64,
}

/// Room taken for a buffer, given back when it goes.
struct Room {
    held: Arc<AtomicU64>,
    bytes: u64,
}

impl Room {
    fn take(held: &Arc<AtomicU64>, bytes: u64) -> Self {
        held.fetch_add(bytes, Ordering::Relaxed);
        Self { held: held.clone(), bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A buffer that counts while it lives.
struct Counted {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What an object's bytes come as.
pub(crate) enum Content {
    /// All of them, in memory.
    Whole(Bytes),
    /// Too large, or no room now: to be streamed.
    Stream,
}

impl Shelf {
    pub fn new(objects: Objects, config: &Config) -> Self {
        let weigher = |_: &ObjectKey, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX);
        Self(Arc::new(Inner {
            objects,
            whole: moka::future::Cache::builder().max_capacity(config.memory_bytes).weigher(weigher).build(),
            held: Arc::default(),
            most_held: config.memory_bytes * 2,
            streams: Arc::default(),
            stream_bytes: config.stream_bytes,
        }))
    }

    /// An object of `bytes`: from memory, or into memory if there is room; loaded once however many ask.
    pub async fn get(&self, key: &ObjectKey, bytes: u64) -> Result<Content, Error> {
        if let Some(whole) = self.0.whole.get(key).await {
            return Ok(Content::Whole(whole));
        }
        if bytes > LARGEST_WHOLE {
            return Ok(Content::Stream);
        }
        match self.0.whole.try_get_with_by_ref(key, self.load(key, bytes)).await {
            Ok(whole) => Ok(Content::Whole(whole)),
            Err(unloaded) => match &*unloaded {
                Unloaded::NoRoom => Ok(Content::Stream),
                Unloaded::Failed(error) => Err(error.clone()),
            },
        }
    }

    /// A small object of unknown size that has to be whole (an initialisation segment, a storyboard).
    pub async fn get_small(&self, key: &ObjectKey) -> Result<Bytes, Error> {
        if let Some(whole) = self.0.whole.get(key).await {
            return Ok(whole);
        }
        let bytes = self.0.objects.len(key).await?;
        match self.get(key, bytes).await? {
            Content::Whole(whole) => Ok(whole),
            Content::Stream => Err(Error::Busy),
        }
    }

    async fn load(&self, key: &ObjectKey, bytes: u64) -> Result<Bytes, Unloaded> {
        // Given back also when the reader leaves while this waits.
        let room = Room::take(&self.0.held, bytes);
        if self.0.held.load(Ordering::Relaxed) > self.0.most_held {
            return Err(Unloaded::NoRoom);
        }
        let whole = self.0.objects.get(key, bytes).await.map_err(|error| Unloaded::Failed(error.into()))?;
        Ok(Bytes::from_owner(Counted { bytes: whole, _room: room }))
    }

    /// Puts an object that was just written into memory.
    pub async fn put(&self, key: ObjectKey, bytes: Bytes) {
        let room = Room::take(&self.0.held, bytes.len() as u64);
        self.0.whole.insert(key, Bytes::from_owner(Counted { bytes, _room: room })).await;
    }

    /// Forgets an object.
    pub async fn forget(&self, key: &ObjectKey) {
        self.0.whole.invalidate(key).await;
    }

    /// Streams a range of an object with overlays laid on. Its first piece is read before this returns, so that a missing object
    /// is an error and not a broken answer.
    pub async fn stream(&self, key: &ObjectKey, range: Range<u64>, overlays: Option<Overlays>) -> Result<Body, Error> {
        let open = Open::new(&self.0.streams);
        let reading = Reading { shelf: self.clone(), key: key.clone(), at: range.start, end: range.end, window: None, overlays, _open: open };
        let mut pieces = Ahead::new(stream::try_unfold(reading, Reading::next).boxed());
        let Some(first) = pieces.try_next().await? else { return Ok(Body::empty()) };
        Ok(Body::from_stream(stream::once(async { Ok::<_, objects::Error>(first) }).chain(pieces)))
    }
}

#[derive(Debug)]
enum Unloaded {
    NoRoom,
    Failed(Error),
}

/// An item's overlays, shared with the item.
#[derive(Clone)]
pub(crate) struct Overlays(pub Arc<crate::model::Item>);

impl Overlays {
    fn patches(&self) -> &[Patch] {
        self.0.scrub.as_deref().unwrap_or_default()
    }
}

/// A range on its way: read through windows, so that its pieces get smaller when more streams open.
struct Reading {
    shelf: Shelf,
    key: ObjectKey,
    at: u64,
    end: u64,
    window: Option<Pieces>,
    overlays: Option<Overlays>,
    _open: Open,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, objects::Error> {
        loop {
            if self.at >= self.end {
                return Ok(None);
            }
            let fresh = self.window.is_none();
            let mut window = match self.window.take() {
                Some(window) => window,
                None => self.shelf.0.objects.read(&self.key, self.at..self.at + self.window_bytes()).await?,
            };
            match window.try_next().await? {
                Some(piece) => {
                    self.window = Some(window);
                    let piece = self.overlaid(piece);
                    self.at += piece.len() as u64;
                    return Ok(Some((piece, self)));
                }
                None if fresh => return Err(objects::Error::Engine(std::io::ErrorKind::UnexpectedEof.into())),
                None => {}
            }
        }
    }

    /// How much to open at once. Two pieces are held at a time; where they may be whole ones, many of them share one opening.
    fn window_bytes(&self) -> u64 {
        let share = self.shelf.0.stream_bytes / 2 / self.shelf.0.streams.load(Ordering::Relaxed).max(1);
        let window = if share >= WHOLE_PIECE { LARGEST_WINDOW } else { share.max(SMALLEST_PIECE) };
        window.min(self.end - self.at)
    }

    fn overlaid(&self, piece: Bytes) -> Bytes {
        let Some(overlays) = &self.overlays else { return piece };
        let mut window = piece.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        codec::scrub::apply(overlays.patches(), self.at, &mut window);
        window.freeze()
    }
}

type Pieces = BoxStream<'static, Result<Bytes, objects::Error>>;

/// A stream that asks for the next piece before it hands one over: the disk reads while the network writes.
#[allow(clippy::option_option, reason = "outside: is there a piece in hand; inside: what the stream said, its end included")]
struct Ahead {
    pieces: Pieces,
    next: Option<Option<Result<Bytes, objects::Error>>>,
}

impl Ahead {
    fn new(pieces: Pieces) -> Self {
        Self { pieces, next: None }
    }
}

impl Stream for Ahead {
    type Item = Result<Bytes, objects::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = match self.next.take() {
            Some(piece) => piece,
            None => task::ready!(self.pieces.poll_next_unpin(cx)),
        };
        // Asking starts the reading; whether it is there already does not matter. After an end or an error there is nothing to ask.
        if matches!(piece, Some(Ok(_)))
            && let Poll::Ready(next) = self.pieces.poll_next_unpin(cx)
        {
            self.next = Some(next);
        }
        Poll::Ready(piece)
    }
}

/// Counts open streams.
struct Open(Arc<AtomicU64>);

impl Open {
    fn new(streams: &Arc<AtomicU64>) -> Self {
        streams.fetch_add(1, Ordering::Relaxed);
        Self(streams.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
