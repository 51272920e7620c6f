//! Enums with one string form for JSON, database columns and metric labels.
//!
//! Invariant: the string is the same in all three places, and parsing it returns the variant.

/// The error for a text that names no variant of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVariant;

impl std::fmt::Display for UnknownVariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not one of the known values")
    }
}

impl std::error::Error for UnknownVariant {}

/// Implements `as_str` and `FromStr` for an enum. The strings are those of serde's `snake_case`.
#[macro_export]
macro_rules! string_enum {
    ($type:ty: $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Returns the variant's string form.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownVariant;
            fn from_str(text: &str) -> Result<Self, $crate::UnknownVariant> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err($crate::UnknownVariant) }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::accounts::AccountState;
    use crate::media::{Kind, Visibility};
    use crate::transcode::Track;

    #[test]
    fn strings_match_the_json_form() {
        let json = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for kind in [Kind::Photo, Kind::Audio, Kind::Video] {
            assert_eq!(
                (json(serde_json::json!(kind)).as_deref(), kind.as_str().parse()),
                (Some(kind.as_str()), Ok(kind))
            );
        }
        for visibility in [Visibility::Private, Visibility::Unlisted, Visibility::Public] {
            assert_eq!(
                (json(serde_json::json!(visibility)).as_deref(), visibility.as_str().parse()),
                (Some(visibility.as_str()), Ok(visibility))
            );
        }
        for state in [AccountState::Active, AccountState::Limited, AccountState::Suspended, AccountState::Banned] {
            assert_eq!(
                (json(serde_json::json!(state)).as_deref(), state.as_str().parse()),
                (Some(state.as_str()), Ok(state))
            );
        }
        for track in [Track::Video, Track::Audio] {
            assert_eq!(
                (json(serde_json::json!(track)).as_deref(), track.as_str().parse()),
                (Some(track.as_str()), Ok(track))
            );
        }
    }
}
