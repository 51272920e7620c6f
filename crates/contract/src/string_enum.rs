//! Enums that are one word in JSON, in a column and as a label.
//!
//! Invariant: the word is the same in all three, and every word leads back to its variant.

/// A text that is none of an enum's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVariant;

impl std::fmt::Display for UnknownVariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not one of the words that are known here")
    }
}

impl std::error::Error for UnknownVariant {}

/// Gives an enum `as_str` and the way back. The words are those that serde's `snake_case` makes.
#[macro_export]
macro_rules! string_enum {
    ($type:ty: $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Its word.
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
    use crate::media::{Kind, Visibility};
    use crate::transcode::Track;

    #[test]
    fn the_words_are_those_of_the_json() {
        let json = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for kind in [Kind::Photo, Kind::Audio, Kind::Video] {
            assert_eq!((json(serde_json::json!(kind)).as_deref(), kind.as_str().parse()), (Some(kind.as_str()), Ok(kind)));
        }
        for visibility in [Visibility::Private, Visibility::Unlisted, Visibility::Public] {
            assert_eq!((json(serde_json::json!(visibility)).as_deref(), visibility.as_str().parse()), (Some(visibility.as_str()), Ok(visibility)));
        }
        for track in [Track::Video, Track::Audio] {
            assert_eq!((json(serde_json::json!(track)).as_deref(), track.as_str().parse()), (Some(track.as_str()), Ok(track)));
        }
    }
}
