//! tutti
