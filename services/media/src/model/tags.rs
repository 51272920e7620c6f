//! Tags: short labels by which members find their items.
//!
//! Invariant: a stored tag is lower case, trimmed, without commas or control characters, and unique within its item.

/// The largest number of tags of an item.
pub(crate) const MAX_TAGS: usize = 20;
/// The longest tag, in characters.
pub(crate) const MAX_TAG_CHARS: usize = 40;

/// Normalizes tags. Each text may have several, separated by commas.
pub(crate) fn normalize(texts: &[&str]) -> Result<Vec<String>, String> {
    let mut tags: Vec<String> = Vec::new();
    for text in texts.iter().flat_map(|text| text.split(',')) {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let tag = plain.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches('#').to_lowercase();
        if tag.is_empty() || tags.contains(&tag) {
            continue;
        }
        if tag.chars().count() > MAX_TAG_CHARS {
            return Err(format!("A tag has at most {MAX_TAG_CHARS} characters."));
        }
        if tags.len() == MAX_TAGS {
            return Err(format!("An item has at most {MAX_TAGS} tags."));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Returns `tags` with `added`.
pub(crate) fn merge(tags: &[String], added: &[String]) -> Result<Vec<String>, String> {
    let mut all = tags.to_vec();
    all.extend(added.iter().filter(|tag| !tags.contains(tag)).cloned());
    if all.len() > MAX_TAGS { Err(format!("An item has at most {MAX_TAGS} tags.")) } else { Ok(all) }
}

/// Returns the column for tags: each between line breaks, so that `like '%\ntag\n%'` finds exactly it.
pub(crate) fn to_column(tags: &[String]) -> String {
    if tags.is_empty() { String::new() } else { format!("\n{}\n", tags.join("\n")) }
}

/// Returns the tags of a column that [`to_column`] made.
pub(crate) fn from_column(stored: &str) -> Vec<String> {
    stored.split('\n').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_lower_case_and_stand_once() {
        assert_eq!(normalize(&["Sun, sun", " #Summer  2026\n", ""]).unwrap(), ["sun", "summer 2026"]);
        assert!(normalize(&["x".repeat(41).as_str()]).is_err());
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        assert!(normalize(&[many.join(",").as_str()]).is_err());
    }

    #[test]
    fn what_is_stored_comes_back() {
        let tags = vec!["a".to_owned(), "b c".to_owned()];
        assert_eq!(from_column(&to_column(&tags)), tags);
        assert_eq!(from_column(&to_column(&[])), Vec::<String>::new());
    }
}
