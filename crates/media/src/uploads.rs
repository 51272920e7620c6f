//! Resumable uploads
#[derive(Default)]
pub(crate) struct Holds;
