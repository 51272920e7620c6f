//! What goes along with a request from one router of a process to the next.
//!
//! Invariant: what a router has stored for itself, such as its path parameters, ends there: the next would take it for
//! its own.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;

use crate::auth::MaybeSuspended;
use crate::{ConnectionPermit, Deadline, OverTls, RequestId};
use base::Trace;

/// Removes all extensions but those that go along: the caller, its IP address, the ids, the deadline, and the
/// connection.
pub fn keep_forwarded(extensions: &mut Extensions) {
    let mut kept = Extensions::new();
    keep::<MaybeSuspended>(extensions, &mut kept);
    keep::<ConnectInfo<SocketAddr>>(extensions, &mut kept);
    keep::<RequestId>(extensions, &mut kept);
    keep::<Trace>(extensions, &mut kept);
    keep::<Deadline>(extensions, &mut kept);
    keep::<hyper::upgrade::OnUpgrade>(extensions, &mut kept);
    keep::<ConnectionPermit>(extensions, &mut kept);
    keep::<OverTls>(extensions, &mut kept);
    *extensions = kept;
}

fn keep<T: Clone + Send + Sync + 'static>(from: &mut Extensions, to: &mut Extensions) {
    if let Some(value) = from.remove::<T>() {
        to.insert(value);
    }
}
