//! The languages of notices.
//!
//! Invariant: there is a message file for each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language that notices are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "fr")]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Arabic.
    Ar,
}

contract::string_enum!(Language: En => "en", Fr => "fr", Es => "es", Ar => "ar");

impl Language {
    /// All languages.
    pub(crate) const ALL: [Self; 4] = [Self::En, Self::Fr, Self::Es, Self::Ar];

    /// Returns the language that an `Accept-Language` header (RFC 9110, section 12.5.4) prefers; English if it names
    /// none of ours.
    pub(crate) fn of_header(header: &str) -> Self {
        let weighted = header.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let primary = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
            Some((primary.parse::<Self>().ok()?, quality)).filter(|(_, quality)| *quality > 0.0)
        });
        // The first of those that weigh the same.
        weighted.fold((Self::default(), 0.0), |best, next| if next.1 > best.1 { next } else { best }).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_language() {
        for (header, language) in [
            ("", Language::En),
            ("ar", Language::Ar),
            ("de-DE,de;q=0.9,es-MX;q=0.8,en;q=0.7", Language::Es),
            ("fr;q=0,en", Language::En),
            ("fr;q=x;;,,", Language::En),
        ] {
            assert_eq!(Language::of_header(header), language, "{header}");
        }
        for language in Language::ALL {
            assert_eq!(serde_json::to_value(language).unwrap(), language.as_str());
        }
    }
}
