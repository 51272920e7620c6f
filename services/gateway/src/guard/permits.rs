//! The permits of a request, which its response's body holds until it has been sent.
//!
//! Invariant: a permit is released as soon as its request is refused, has ended, or has become a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::member_requests::MemberPermit;
use crate::anonymous_limits::PrefixPermit;

/// The permits of a request. Released on drop.
pub(super) struct Permits {
    pub(super) _request: OwnedSemaphorePermit,
    pub(super) _anonymous_request: Option<OwnedSemaphorePermit>,
    pub(super) _of_prefix: Option<PrefixPermit>,
    pub(super) _of_member: Option<MemberPermit>,
}

impl Permits {
    /// Returns a body that holds the permits until it has been sent.
    pub(super) fn hold_with(self, body: Body) -> Body {
        Body::new(BodyWithPermits { body, _permits: self })
    }
}

struct BodyWithPermits {
    body: Body,
    _permits: Permits,
}

impl http_body::Body for BodyWithPermits {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
