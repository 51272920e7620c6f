//! Chooses the image formats that a client accepts.
//!
//! Invariant: a client that names a format gets it or an error. With `auto` it gets the best format that it accepts,
//! and a JPEG when it accepts none of ours, because an `<img>` displays it all the same.

use codec::pixels::Encoding;

/// The `format` parameter of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormatPreference {
    /// By the Accept header.
    #[default]
    Auto,
    /// AVIF.
    Avif,
    /// WebP.
    Webp,
    /// JPEG.
    Jpeg,
}

/// Returns the encodings that the client accepts, best first; never empty.
pub(crate) fn accepted(preference: FormatPreference, accept: Option<&str>) -> Vec<Encoding> {
    match preference {
        FormatPreference::Avif => vec![Encoding::Avif],
        FormatPreference::Webp => vec![Encoding::Webp],
        FormatPreference::Jpeg => vec![Encoding::Jpeg],
        FormatPreference::Auto => {
            let takes = |encoding: &Encoding| accept.is_some_and(|accept| names_type(accept, encoding.content_type()));
            let mut accepted: Vec<_> = [Encoding::Avif, Encoding::Webp].into_iter().filter(takes).collect();
            // AVIF alone, and no other type, is taken literally.
            if accepted != [Encoding::Avif] || accept.is_some_and(accepts_jpeg) {
                accepted.push(Encoding::Jpeg);
            }
            accepted
        }
    }
}

/// Returns whether an Accept header (RFC 9110 §12.5.1) names the type itself with a weight above 0. Wildcards do not
/// count: programs that understand only JPEG send `*/*` too.
fn names_type(accept: &str, content_type: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(content_type));
        named && !parts.any(is_zero)
    })
}

fn is_zero(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
    })
}

fn accepts_jpeg(accept: &str) -> bool {
    ["image/jpeg", "image/*", "*/*"].iter().any(|kind| names_type(accept, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encoding::{Avif, Jpeg, Webp};

    #[test]
    fn the_best_accepted_format_comes_first() {
        let chrome = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
        for (accept, expected) in [
            (Some(chrome), vec![Avif, Webp, Jpeg]),
            (Some("image/webp,*/*;q=0.5"), vec![Webp, Jpeg]),
            (Some("image/avif;q=0, image/webp"), vec![Webp, Jpeg]),
            (Some("image/avif"), vec![Avif]),
            (Some("image/avif, image/jpeg"), vec![Avif, Jpeg]),
            (Some("IMAGE/WEBP ; q=0.3"), vec![Webp, Jpeg]),
            (Some("*/*"), vec![Jpeg]),
            (Some("text/html"), vec![Jpeg]),
            (None, vec![Jpeg]),
        ] {
            assert_eq!(accepted(FormatPreference::Auto, accept), expected, "{accept:?}");
        }
        assert_eq!(accepted(FormatPreference::Avif, Some("image/webp")), [Avif]);
    }
}
