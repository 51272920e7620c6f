//! What is known about domains without asking anyone: shorteners, common endings, and under which endings people
//! register names.
//!
//! Not a copy of the Public Suffix List, which would have to be updated: an ending that is missing here makes two
//! subdomains one domain, so that a new site looks as old as its host. Invariant: the tables are sorted.

/// Hosts that forward to whatever their users choose.
const SHORTENERS: [&str; 36] = [
    "adf.ly",
    "bit.do",
    "bit.ly",
    "bl.ink",
    "buff.ly",
    "cutt.ly",
    "dlvr.it",
    "goo.gl",
    "goo.su",
    "ift.tt",
    "is.gd",
    "kutt.it",
    "lc.chat",
    "lnkd.in",
    "ow.ly",
    "qrco.de",
    "rb.gy",
    "rebrand.ly",
    "s.id",
    "sh.st",
    "short.gy",
    "short.io",
    "shorturl.at",
    "shrtco.de",
    "soo.gd",
    "su.pr",
    "surl.li",
    "t.co",
    "t.ly",
    "t2m.io",
    "tiny.cc",
    "tinyurl.com",
    "u.to",
    "urlz.fr",
    "v.gd",
    "x.gd",
];

/// Endings under which a word with a dot is a link also without a scheme or a path. An ending that is a common English
/// word is missing: "came.Then" is two sentences.
const COMMON_TOP_LEVELS: [&str; 42] = [
    "app", "biz", "blog", "br", "buzz", "ca", "cc", "ch", "click", "club", "cn", "co", "com", "de", "dev", "es", "eu",
    "fr", "gg", "gl", "info", "io", "jp", "link", "live", "ly", "net", "nl", "online", "org", "pl", "pro", "ru",
    "shop", "site", "store", "top", "tv", "uk", "vip", "website", "xyz",
];

/// Second levels of two-letter endings under which names are registered.
const SECOND_LEVELS: [&str; 10] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

/// Domains whose subdomains belong to different people.
const SHARED_DOMAINS: [&str; 19] = [
    "azurewebsites.net",
    "blogspot.com",
    "carrd.co",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "netlify.app",
    "ngrok.io",
    "pages.dev",
    "repl.co",
    "surge.sh",
    "vercel.app",
    "web.app",
    "weebly.com",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
];

/// Whether a domain only forwards.
pub(super) fn is_shortener(domain: &str) -> bool {
    SHORTENERS.binary_search(&domain).is_ok()
}

/// Whether an ending is one under which a bare name is a link.
pub(super) fn is_common_top_level(ending: &str) -> bool {
    COMMON_TOP_LEVELS.binary_search(&ending.to_ascii_lowercase().as_str()).is_ok()
}

/// Returns the domain that was registered for a host in lower case: its last two labels, or three where names are
/// registered one level lower.
pub(super) fn registrable(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let last = |count: usize| labels[labels.len().saturating_sub(count)..].join(".");
    let is_second_level = match labels.as_slice() {
        [.., second, top] => top.len() == 2 && SECOND_LEVELS.binary_search(second).is_ok(),
        _ => false,
    };
    last(if is_second_level || SHARED_DOMAINS.binary_search(&last(2).as_str()).is_ok() { 3 } else { 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(SHORTENERS.is_sorted() && COMMON_TOP_LEVELS.is_sorted());
        assert!(SECOND_LEVELS.is_sorted() && SHARED_DOMAINS.is_sorted());
    }

    #[test]
    fn the_registered_domain_is_found() {
        for (host, domain) in [
            ("a.b.example.com", "example.com"),
            ("a.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("x.ada.github.io", "ada.github.io"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registrable(host), domain);
        }
    }
}
