//! Removing a bus from its servers, with every event in it; whether there is one.
//!
//! Invariant: only the two streams with the name of the options are removed.

use std::sync::Arc;

use async_nats::jetstream;
use tokio::sync::watch;

use super::options::{NatsOptions, REQUEST_TIMEOUT};
use super::stream::is_not_found;
use bus::Error;

/// Removes the streams of the prefix that `options` names. Those that don't exist are no error.
pub async fn remove(options: &NatsOptions) -> Result<(), Error> {
    let jetstream = connect(options).await?;
    for name in names(options) {
        match jetstream.get_stream(&name).await {
            Ok(_) => jetstream.delete_stream(&name).await.map(drop).map_err(Error::unavailable)?,
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(Error::unavailable(error)),
        }
    }
    Ok(())
}

/// Whether there is a stream of the prefix that `options` names.
pub async fn exists(options: &NatsOptions) -> Result<bool, Error> {
    let jetstream = connect(options).await?;
    for name in names(options) {
        match jetstream.get_stream(&name).await {
            Ok(_) => return Ok(true),
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Err(Error::unavailable(error)),
        }
    }
    Ok(false)
}

fn names(options: &NatsOptions) -> [String; 2] {
    [options.prefix.clone(), format!("{}-dead", options.prefix)]
}

async fn connect(options: &NatsOptions) -> Result<jetstream::Context, Error> {
    let (gaps, _receiver) = watch::channel(0);
    let client = options.connect(Arc::new(gaps)).await?;
    Ok(jetstream::context::ContextBuilder::new().timeout(REQUEST_TIMEOUT).build(client))
}
