//! The few elements of S3's XML responses that we parse ourselves.
//!
//! Responses are flat lists of elements whose texts are names and tags of our own making, so finding an element's text
//! is all the parsing that is needed. Invariant: what is not found is `None`, never a guess.

/// Returns the text of the first `<name>` in `text`, with the five entities of XML resolved.
pub(super) fn text(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(
        inner
            .replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&apos;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// Returns the contents of every `<name>`.
pub(super) fn every<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(open.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once(close.as_str()).map(|(inner, _)| inner))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_entities_resolved() {
        let answer = "<R><Upload><Key>ab/c</Key><UploadId>1</UploadId></Upload>\
            <Upload><Key>ab/d</Key><UploadId>2&amp;x</UploadId></Upload></R>";
        let found: Vec<_> = every(answer, "Upload")
            .iter()
            .map(|upload| (text(upload, "Key").unwrap(), text(upload, "UploadId").unwrap()))
            .collect();
        assert_eq!(found, [("ab/c".to_owned(), "1".to_owned()), ("ab/d".to_owned(), "2&x".to_owned())]);
        assert_eq!(text("<ETag>&quot;a&quot;</ETag>", "ETag").unwrap(), "\"a\"");
        assert_eq!(text("<ETag>cut", "ETag"), None);
    }
}
