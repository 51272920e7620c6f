//! What a member says about themselves beyond name and bio: what they are here for, where, and their links.
//!
//! Owns the rules of links. Does not own those of texts: [`super::display_text`] does. Invariant: a link leads to a web
//! site that its text names: it has no scheme but `https` and `http`, no name or password, and no letter that could be
//! taken for another, because a domain in another script is in its ASCII form.

use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

use super::display_text::{self, TextError};
use crate::error::Error;

/// The most links of a profile.
pub(crate) const MAX_LINKS: usize = 5;
/// The longest link, in bytes, with everything encoded that must be.
const MAX_LINK_BYTES: usize = 300;
const MAX_PLACE_CHARS: usize = 80;

/// What a member is here for. The member says it, and it gives no right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProfileKind {
    /// Takes part.
    #[default]
    Member,
    /// Makes music or films.
    Artist,
    /// Chooses and presents the works of others.
    Curator,
    /// Offers a service, such as a venue or a photographer.
    Provider,
    /// A device in a public place, such as a photo or karaoke booth.
    Booth,
}

contract::string_enum!(ProfileKind:
    Member => "member",
    Artist => "artist",
    Curator => "curator",
    Provider => "provider",
    Booth => "booth",
);

/// What a member says about themselves beyond name and bio.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct About {
    /// What the member is here for.
    pub kind: ProfileKind,
    /// The place, as the member writes it.
    pub place: Option<Place>,
    /// At most [`MAX_LINKS`], in the member's order.
    pub links: Vec<Link>,
    /// Whether others see no more than handle, name, avatar and kind.
    pub is_private: bool,
}

/// A place, as a member writes it: 1–80 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(pub String);

impl Place {
    /// Parses a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let place = display_text::single_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => "The place has no visible character. Write something, or clear it (null).",
                TextError::Control => "The place contains a control character. Remove it, and any line breaks.",
                TextError::Invisible => {
                    "The place contains a character that is invisible or changes the direction of the text. Remove it."
                }
                TextError::Marks => {
                    "The place has too many marks on one letter, or a mark without a letter. Remove some."
                }
            })
        })?;
        if place.chars().count() > MAX_PLACE_CHARS {
            return Err(Error::InvalidProfile("The place must have at most 80 characters."));
        }
        Ok(Self(place))
    }
}

/// A link to a web site, as its URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Link(pub String);

impl Link {
    /// Parses a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > MAX_LINK_BYTES {
            return Err(Error::InvalidProfile("A link must have at most 300 characters."));
        }
        // A parser of URLs drops line breaks and tabs, so another link than the one that was sent would be shown.
        if !text.chars().all(|char| !char.is_whitespace() && display_text::is_plain(char)) {
            return Err(Error::InvalidProfile("A link must not have spaces or invisible characters. Remove them."));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let url = url.ok_or(Error::InvalidProfile("A link must begin with https:// or http:// and a domain."))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidProfile("A link must not contain a name or a password before the domain."));
        }
        let has_domain = matches!(url.host(), Some(Host::Domain(domain)) if domain.trim_end_matches('.').contains('.'));
        if !has_domain {
            return Err(Error::InvalidProfile("A link must lead to a domain, such as https://example.org."));
        }
        if url.as_str().len() > MAX_LINK_BYTES {
            return Err(Error::InvalidProfile("A link must have at most 300 characters."));
        }
        Ok(Self(url.into()))
    }

    /// Parses the links of a profile. One that is there twice is kept once.
    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Self>, Error> {
        if texts.len() > MAX_LINKS {
            return Err(Error::InvalidProfile("A profile has at most five links."));
        }
        let mut links = Vec::new();
        for text in texts {
            let link = Self::parse(text)?;
            if !links.contains(&link) {
                links.push(link);
            }
        }
        Ok(links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_web_site_whose_name_can_be_read() {
        for (text, url) in [
            (" https://example.org ", "https://example.org/"),
            ("HTTP://Example.ORG/Ada?x=1#y", "http://example.org/Ada?x=1#y"),
            ("https://example.org:8443/a", "https://example.org:8443/a"),
            // A Cyrillic `а` cannot pass for a Latin one.
            ("https://p\u{430}ypal.example/", "https://xn--pypal-4ve.example/"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ] {
            assert_eq!(Link::parse(text).expect(text).0, url);
        }
    }

    #[test]
    fn a_link_that_runs_hides_or_tricks_is_refused() {
        for wrong in [
            "",
            "example.org",
            "//example.org",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://example.org/",
            "mailto:ada@example.org",
            "https://ada:secret@example.org/",
            "https://ada@example.org/",
            "https://example.org@evil.example/",
            "https://",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
            "https://exa mple.org/",
            "https://example.org/\u{202e}gpj.exe",
            "https://exam\u{200b}ple.org/",
            "https://example.org/a\tb",
            "https://xn--a.example/",
            &format!("https://example.org/{}", "a".repeat(300)),
            &format!("https://example.org/{}", "ä".repeat(60)),
        ] {
            assert!(Link::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_profile_has_five_links_and_none_twice() {
        let links = |count: usize| (0..count).map(|at| format!("https://example.org/{at}")).collect::<Vec<_>>();
        assert_eq!(Link::parse_all(&links(5)).unwrap().len(), 5);
        assert!(Link::parse_all(&links(6)).is_err());
        let twice = ["https://example.org".to_owned(), "https://EXAMPLE.org/".to_owned()];
        assert_eq!(Link::parse_all(&twice).unwrap().len(), 1);
    }

    #[test]
    fn a_place_is_one_line_of_visible_text() {
        assert_eq!(Place::parse("  São Paulo ").unwrap().0, "São Paulo");
        for wrong in ["", "\u{3164}", "a\nb", "\u{202e}x", &"x".repeat(81)] {
            assert!(Place::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn kinds_have_a_way_back_from_text() {
        for kind in
            [ProfileKind::Member, ProfileKind::Artist, ProfileKind::Curator, ProfileKind::Provider, ProfileKind::Booth]
        {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
