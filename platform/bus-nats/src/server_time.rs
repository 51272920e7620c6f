//! Times as the server reports them.
//!
//! Invariant: a time that can't be represented is an error, never another time.

use bus::Error;
use chrono::{DateTime, Utc};

/// Converts the time type of the NATS client; both count from 1970.
pub(crate) fn time(at: async_nats::datetime::DateTime) -> Result<DateTime<Utc>, Error> {
    i64::try_from(at.unix_timestamp_nanos())
        .map(DateTime::from_timestamp_nanos)
        .map_err(|_| Error::unavailable("the server's time can't be read"))
}
