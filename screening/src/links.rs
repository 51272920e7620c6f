//! The links of a text: where they lead, and what they hide.
//!
//! Finds what a reader or an app would take for a link, also where it is written to get past a filter. Owns the list of
//! shorteners; whether a domain is new or known as bad is the caller's knowledge. Invariant: at most [`MAX_LINKS`]
//! links are returned, each with a host as a browser reads it.

mod domains;

use unicode_normalization::UnicodeNormalization as _;
use url::{Host, Url};

use self::domains::{is_common_top_level, is_shortener, registrable};
use crate::text::{MAX_CHARACTERS, is_invisible};

/// The most links of a text that are read. A text with as many has too many under any rule.
pub const MAX_LINKS: usize = 50;
/// The longest link that is read, in bytes; longer ones count by their beginning.
const MAX_LINK_BYTES: usize = 2048;
/// Ways to write a dot so that a text has no link for a filter.
const WRITTEN_DOTS: [&str; 6] = ["[.]", "(.)", "{.}", "[dot]", "(dot)", "{dot}"];

/// A link of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The host in ASCII, in lower case.
    pub host: String,
    /// The domain that was registered for it, such as `example.co.uk`; for an IP address the address.
    pub domain: String,
    /// Whether the host only forwards to another one.
    pub is_shortener: bool,
    /// Whether the link leads elsewhere than it seems: a user name before the host, an IP address, a name of look-alike
    /// letters, or a written dot.
    pub is_disguised: bool,
}

/// Returns the links of a text, each host once, in the order of the text.
pub fn find(text: &str) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for (word, has_written_dot) in words(text) {
        let Some(mut link) = read(&word) else { continue };
        link.is_disguised |= has_written_dot;
        if links.len() < MAX_LINKS && !links.iter().any(|known| known.host == link.host) {
            links.push(link);
        }
    }
    links
}

/// Returns the text without its links: two texts whose links differ are compared by what else they say.
pub(crate) fn without(text: &str) -> String {
    let is_no_link = |word: &&str| words(word).all(|(part, _)| read(&part).is_none());
    text.split_whitespace().filter(is_no_link).collect::<Vec<_>>().join(" ")
}

/// Returns what may be a link, and whether a dot in it is written in another way.
fn words(text: &str) -> impl Iterator<Item = (String, bool)> {
    let visible = text.chars().take(MAX_CHARACTERS).filter(|character| !is_invisible(*character)).nfkc();
    let mut plain: String = visible.map(|character| if character == '\u{3002}' { '.' } else { character }).collect();
    let mut has_written_dot = false;
    for written in WRITTEN_DOTS {
        if plain.contains(written) {
            (plain, has_written_dot) = (plain.replace(written, "."), true);
        }
    }
    let is_end = |character: char| character.is_whitespace() || "<>\"'()[]{}|,;`*".contains(character);
    let may_be_link = |word: &&str| word.contains('.') || word.contains("://");
    let words: Vec<String> = plain.split(is_end).filter(may_be_link).map(str::to_owned).collect();
    words.into_iter().map(move |word| (word, has_written_dot))
}

/// Reads a word as a link.
fn read(word: &str) -> Option<Link> {
    let word = word.trim_end_matches(['.', '!', '?', ':', '\u{2026}']);
    let end = word.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_LINK_BYTES).last()?;
    let word = if word.len() > MAX_LINK_BYTES { &word[..end] } else { word };
    let (rest, has_scheme) = match word.split_once("://") {
        Some((scheme, rest)) => (rest, is_web(scheme)),
        None => (word, false),
    };
    if !(has_scheme || word.len() == rest.len() && resembles_host(rest)) {
        return None;
    }
    let url = Url::parse(&format!("http://{rest}")).ok()?;
    let (host, is_name) = match url.host()? {
        Host::Domain(name) => (name.trim_end_matches('.').to_owned(), true),
        Host::Ipv4(address) => (address.to_string(), false),
        Host::Ipv6(address) => (address.to_string(), false),
    };
    if is_name && !host.contains('.') {
        return None;
    }
    let domain = if is_name { registrable(&host) } else { host.clone() };
    let is_disguised = !is_name || !url.username().is_empty() || url.password().is_some() || is_alike(&host);
    Some(Link { is_shortener: is_shortener(&domain), is_disguised, host, domain })
}

/// Whether a scheme is one of the web's, also as people write it who don't want it to be seen.
fn is_web(scheme: &str) -> bool {
    let scheme = scheme.rsplit(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or(scheme);
    ["http", "https", "hxxp", "hxxps", "ftp"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether a word without a scheme is written as a host: `example.com`, `www.example.museum` or `example.museum/path`,
/// but no mail address and no end of a sentence without a space after it.
fn resembles_host(word: &str) -> bool {
    let host = word.split(['/', '?', '#', ':']).next().unwrap_or(word);
    let Some((name, top_level)) = host.rsplit_once('.') else { return false };
    let is_letters = top_level.chars().count() >= 2 && top_level.chars().all(char::is_alphabetic);
    let is_top_level = is_letters || top_level.to_ascii_lowercase().starts_with("xn--");
    let has_more = host.len() < word.len() || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    !host.contains('@') && !name.is_empty() && is_top_level && (has_more || is_common_top_level(top_level))
}

/// Whether a host has a label of other letters that reads as an ASCII one (UTS #39).
fn is_alike(host: &str) -> bool {
    if !host.contains("xn--") {
        return false;
    }
    let (shown, _) = idna::domain_to_unicode(host);
    shown.split('.').any(|label| !label.is_ascii() && unicode_security::skeleton(label).all(|part| part.is_ascii()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        find(text).into_iter().map(|link| link.host).collect()
    }

    #[test]
    fn links_are_found_as_apps_show_them() {
        let text = "See https://a.example/x?y=1, (http://b.example:8080). www.C.museum! d.com, e.museum/path and \
                    http://a.example/other, ｆ．com 例え.jp/x";
        assert_eq!(
            hosts(text),
            ["a.example", "b.example", "www.c.museum", "d.com", "e.museum", "f.com", "xn--r8jz45g.jp"]
        );
        for plain in
            ["ada@d.com", "e.g. this", "I came.Then I left", "v1.2.3", "3.5 km", "file.txt", "", "http://localhost/"]
        {
            assert_eq!(hosts(plain), [""; 0], "{plain}");
        }
    }

    #[test]
    fn what_hides_its_goal_is_disguised() {
        for text in [
            "http://bank.com@evil.example/",
            "http://1.2.3.4/x",
            "http://0x01020304/x",
            "hxxp://evil[.]com",
            "evil(dot)com/x",
            "http://аррӏе.com", // all Cyrillic
        ] {
            let links = find(text);
            assert!(links.len() == 1 && links[0].is_disguised, "{text} {links:?}");
        }
        for text in ["https://example.com/@ada", "http://müller.de", "http://кино.рф", "ev\u{200b}il.com"] {
            let links = find(text);
            assert!(links.len() == 1 && !links[0].is_disguised, "{text} {links:?}");
        }
    }

    #[test]
    fn domains_and_shorteners_are_told() {
        let link = |text| find(text).swap_remove(0);
        assert_eq!(link("http://shop.example.co.uk").domain, "example.co.uk");
        assert_eq!(link("http://ada.github.io").domain, "ada.github.io");
        assert_eq!(link("http://www.example.com").domain, "example.com");
        assert!(link("bit.ly/abc").is_shortener && !link("http://habit.ly").is_shortener);
    }

    #[test]
    fn what_is_compared_has_no_links() {
        assert_eq!(without("Look at https://a.example/1?x, it is  great"), "Look at it is great");
    }

    proptest! {
        #[test]
        fn the_number_of_links_is_bounded(text in "\\PC*|([a-z@:/.\\[\\]]{0,9}(\\.com|://|\\[dot\\]| )){0,90}") {
            let links = find(&text);
            prop_assert!(links.len() <= MAX_LINKS);
            prop_assert!(links.iter().all(|link| link.host.ends_with(&link.domain) && link.host.is_ascii()));
            let _ = without(&text);
        }
    }
}
