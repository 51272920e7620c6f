//! The stable codes of problems, as tables: one row per code.
//!
//! Invariant: what a client receives, what the OpenAPI document says and what `docs/errors.md` lists come from the same
//! row.

/// A stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code, such as `media.too_large`.
    pub code: &'static str,
    /// The HTTP status that it comes with.
    pub status: u16,
    /// What a client does about it, as a sentence.
    pub help: &'static str,
}

/// Declares a table of codes: a constant for each row, and `CODES` with all of them.
///
/// ```
/// mod codes {
///     http_server::codes! {
///         /// The codes of songs.
///         NOT_FOUND = 404 "song.not_found", "Check the id.";
///     }
/// }
/// assert_eq!(codes::CODES, [codes::NOT_FOUND]);
/// ```
#[macro_export]
macro_rules! codes {
    ($(#[$doc:meta])* $($name:ident = $status:literal $code:literal, $help:literal;)+) => {
        $(
            #[doc = concat!("`", $code, "`, with status ", $status, ".")]
            pub const $name: &$crate::problem::Code =
                &$crate::problem::Code { code: $code, status: $status, help: $help };
        )+
        $(#[$doc])*
        pub const CODES: &[&$crate::problem::Code] = &[$($name),+];
    };
}
