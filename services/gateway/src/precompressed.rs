//! Responses with precompressed files: content negotiation and entity tags.
//!
//! Owns content negotiation (RFC 9110 §12.5.3) and entity tags. Does not own which URL serves which file, nor the
//! headers that all responses share (see `static_files`). Invariant: a file is compressed once: at build time, or for
//! the first request of it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_server::Problem;
use http_server::problem::every_role;
use sha2::{Digest as _, Sha256};

/// A file that the build script embedded, with its compressed forms where they are smaller.
pub(crate) struct EmbeddedFile {
    pub(crate) path: &'static str,
    pub(crate) digest: &'static str,
    pub(crate) identity: &'static [u8],
    pub(crate) gzip: Option<&'static [u8]>,
    pub(crate) brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));

/// Finds a file by its path in one of the two tables, which are sorted.
pub(crate) fn find(files: &'static [EmbeddedFile], path: &str) -> Option<PrecompressedFile> {
    let at = files.binary_search_by(|file| file.path.cmp(path)).ok()?;
    files.get(at).map(|file| PrecompressedFile {
        digest: file.digest.to_owned(),
        identity: Bytes::from_static(file.identity),
        gzip: file.gzip.map(Bytes::from_static),
        brotli: file.brotli.map(Bytes::from_static),
    })
}

/// A file to serve, in each of its codings.
#[derive(Debug, Clone)]
pub(crate) struct PrecompressedFile {
    pub(crate) digest: String,
    pub(crate) identity: Bytes,
    pub(crate) gzip: Option<Bytes>,
    pub(crate) brotli: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl PrecompressedFile {
    /// Returns a file that has no compressed form.
    pub(crate) fn uncompressed(identity: Bytes) -> Self {
        let digest = Sha256::digest(&identity);
        Self { digest: hex::encode(&digest[..16]), identity, gzip: None, brotli: None }
    }

    /// Responds with the smallest coding that the client accepts, or with 304 if the client has the file already.
    pub(crate) fn respond(self, request: &HeaderMap, headers: HeaderMap) -> Response {
        let offered: Vec<Coding> =
            [(Coding::Brotli, self.brotli.is_some()), (Coding::Gzip, self.gzip.is_some()), (Coding::Identity, true)]
                .into_iter()
                .filter_map(|(coding, exists)| exists.then_some(coding))
                .collect();
        let Some(coding) = negotiate(request, &offered) else {
            let detail =
                "This file is available uncompressed, in gzip and in Brotli, and Accept-Encoding accepts none of them.";
            let mut response = Problem::of(every_role::NOT_ACCEPTABLE, detail).into_response();
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            return response;
        };
        let (name, suffix, bytes) = match coding {
            Coding::Brotli => (Some("br"), "-br", self.brotli),
            Coding::Gzip => (Some("gzip"), "-gz", self.gzip),
            Coding::Identity => (None, "", None),
        };
        let tag = format!("\"{}{suffix}\"", self.digest);
        let is_unchanged = matches_etag(request, &tag);
        let mut response = if is_unchanged {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Body::from(bytes.unwrap_or(self.identity)).into_response()
        };
        let response_headers = response.headers_mut();
        response_headers.extend(headers);
        response_headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response_headers.insert(header::ETAG, tag);
        }
        if let Some(name) = name.filter(|_| !is_unchanged) {
            response_headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

/// Returns the offered coding with the highest quality, and the first of several equal ones. Returns `None` if the
/// client accepts none.
fn negotiate(request: &HeaderMap, offered: &[Coding]) -> Option<Coding> {
    if !request.contains_key(header::ACCEPT_ENCODING) {
        return offered.contains(&Coding::Identity).then_some(Coding::Identity);
    }
    let best = offered
        .iter()
        .map(|coding| (quality(request, *coding), *coding))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(quality, _)| *quality > 0).map(|(_, coding)| coding)
}

/// Returns a coding's quality in thousandths. A coding that is not named has the quality of `*`; without `*`, only the
/// identity is acceptable, with the lowest quality.
fn quality(request: &HeaderMap, coding: Coding) -> u16 {
    let named = |name: &str| match coding {
        Coding::Brotli => name.eq_ignore_ascii_case("br"),
        Coding::Gzip => name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip"),
        Coding::Identity => name.eq_ignore_ascii_case("identity"),
    };
    let (mut own, mut wildcard) = (None, None);
    for line in request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for element in line.split(',') {
            let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
            let Some(quality) = parse_quality(parameters) else { continue };
            match name.trim() {
                "*" => wildcard = wildcard.or(Some(quality)),
                name if named(name) => own = own.or(Some(quality)),
                _ => {}
            }
        }
    }
    // RFC 9110 §12.5.3: the identity is acceptable unless it, or `*`, is refused.
    let default_quality =
        if coding == Coding::Identity { wildcard.map_or(1, |any: u16| any.min(1)) } else { wildcard.unwrap_or(0) };
    own.unwrap_or(default_quality)
}

/// Parses a quality such as `q=0.5` into thousandths (RFC 9110 §12.4.2). Returns `None` if it is malformed.
fn parse_quality(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    if !name.eq_ignore_ascii_case("q") || !matches!(whole, "0" | "1") || !digits {
        return None;
    }
    let thousandths: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// Whether `If-None-Match` contains this tag (RFC 9110 §13.1.2: weak comparison).
fn matches_etag(request: &HeaderMap, tag: &str) -> bool {
    let lines = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: Option<&'static str>) -> Option<Coding> {
        let headers = accept.map(|accept| (header::ACCEPT_ENCODING, HeaderValue::from_static(accept)));
        negotiate(&headers.into_iter().collect(), &[Coding::Brotli, Coding::Gzip, Coding::Identity])
    }

    #[test]
    fn a_client_gets_the_coding_that_it_prefers_and_never_one_that_it_refuses() {
        for (accept, coding) in [
            (None, Coding::Identity),
            (Some(""), Coding::Identity),
            (Some("gzip, deflate, br, zstd"), Coding::Brotli),
            (Some("GZIP"), Coding::Gzip),
            (Some("x-gzip"), Coding::Gzip),
            (Some("br;q=0.5, gzip;q=0.9"), Coding::Gzip),
            (Some("br;q=0, gzip;q=0.001"), Coding::Gzip),
            (Some("br;q=0, *"), Coding::Gzip),
            (Some("*;q=0, identity"), Coding::Identity),
            (Some("identity;q=0.9, br;q=0.8"), Coding::Identity),
            (Some("deflate"), Coding::Identity),
            (Some("br;q=2, gzip;q=1.5, br;level=3"), Coding::Identity),
            (Some("br ; q=0.7"), Coding::Brotli),
        ] {
            assert_eq!(negotiated(accept), Some(coding), "{accept:?}");
        }
        assert_eq!(negotiated(Some("*;q=0")), None);
        assert_eq!(negotiated(Some("identity;q=0, deflate")), None);
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        let known = |value: &'static str| {
            matches_etag(&HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]), "\"a-br\"")
        };
        assert!(known("\"a-br\"") && known("\"b\", W/\"a-br\"") && known("*"));
        assert!(!known("\"a\"") && !known("a-br"));
    }

    #[test]
    fn the_tables_are_sorted_and_the_documentation_is_complete() {
        for files in [PAGE, DOCS] {
            assert!(files.is_sorted_by_key(|file| file.path));
        }
        let bundle = find(DOCS, "swagger-ui-bundle.js").unwrap();
        let (gzip, brotli) = (bundle.gzip.unwrap(), bundle.brotli.unwrap());
        assert!(brotli.len() < gzip.len() && gzip.len() < bundle.identity.len() / 3);
        assert!(find(DOCS, "index.html").is_some() && find(DOCS, "../index.html").is_none());
    }
}
