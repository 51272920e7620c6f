//! The built page as files with their headers, for a bucket or a CDN that serves it instead of the gateway.
//!
//! Does not own what the headers say: they are those of the gateway's own responses (`static_files`). Invariant: the
//! operators' console is not among the files.

use std::path::Path;

use http::HeaderMap;
use http_server::Policy;

use crate::precompressed::PAGE;
use crate::static_files::{headers, is_of_console, page_headers};

/// A file of the page.
#[derive(Debug, Clone)]
pub struct PageFile {
    /// Its path, without a leading slash.
    pub path: &'static str,
    /// Its bytes.
    pub identity: &'static [u8],
    /// The same in gzip, if that is smaller.
    pub gzip: Option<&'static [u8]>,
    /// The same in Brotli, if that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The headers of its responses, without those of a coding.
    pub headers: HeaderMap,
}

/// The headers of the page itself at paths of which it is the page.
#[derive(Debug, Clone)]
pub struct PageRule {
    /// The pattern of the paths; a later rule wins over an earlier one.
    pub path: &'static str,
    /// The headers.
    pub headers: HeaderMap,
}

/// Returns the files of the page, the page itself last: nothing names a file that comes after it. Returns none if the
/// binary was built without the page. `store` is the origin that large files are redirected to, if they are.
pub fn page_files(store: Option<&str>) -> Vec<PageFile> {
    let policy = Policy::page(store);
    let mut files: Vec<PageFile> = PAGE
        .iter()
        .filter(|file| !is_of_console(file.path))
        .map(|file| PageFile {
            path: file.path,
            identity: file.identity,
            gzip: file.gzip,
            brotli: file.brotli,
            headers: headers(file.path, &policy),
        })
        .collect();
    files.sort_by_key(|file| (!file.path.starts_with("assets/"), is_html(file.path)));
    files
}

fn is_html(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "html")
}

/// Returns the headers with which `index.html` is served at the paths of the page.
pub fn page_rules(store: Option<&str>) -> Vec<PageRule> {
    let rules = [("/*", Policy::page(store)), ("/s/*", Policy::page(store)), ("/embed/*", Policy::embed(store))];
    rules
        .into_iter()
        .map(|(path, policy)| PageRule { path, headers: page_headers(path.trim_start_matches('/'), &policy) })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn pages_of_links_are_in_no_index_and_only_the_player_may_be_framed() {
        let rules = page_rules(None);
        let has = |path: &str, name: &str, value: &str| {
            let rule = rules.iter().find(|rule| rule.path == path).unwrap();
            rule.headers.get(name).is_some_and(|found| found.to_str().unwrap().contains(value))
        };
        assert!(has("/s/*", "x-robots-tag", "noindex") && has("/s/*", "referrer-policy", "no-referrer"));
        assert!(has("/embed/*", "content-security-policy", "frame-ancestors *"));
        assert!(has("/*", "content-security-policy", "frame-ancestors 'none'") && !has("/*", "x-robots-tag", ""));
    }

    #[test]
    fn the_page_comes_after_what_it_names_and_the_console_is_left_out() {
        let files = page_files(None);
        // Where the page was built.
        if let Some(last) = files.last() {
            assert!(is_html(last.path) && files[0].path.starts_with("assets/"), "{}", last.path);
            assert!(files.iter().all(|file| !file.path.starts_with("console") && !file.path.contains("/console/")));
            assert!(files[0].headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        }
    }
}
