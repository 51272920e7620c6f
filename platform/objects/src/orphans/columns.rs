//! The columns that name objects.
//!
//! Each service lists its own, for the sweep and for `tutti objects`. Invariant: a column that names an object and is
//! not listed fails a test (`objects::every_column_that_names_objects_is_declared`).

use base::ObjectKey;

/// A column that names objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Whether the key is the whole value; otherwise it is somewhere within it, such as in JSON.
    pub is_whole: bool,
}

impl ObjectColumn {
    /// Returns a column whose value is a key, or null.
    pub const fn whole(table: &'static str, column: &'static str) -> Self {
        Self { table, column, is_whole: true }
    }

    /// Returns a column with keys somewhere in its text.
    pub const fn within(table: &'static str, column: &'static str) -> Self {
        Self { table, column, is_whole: false }
    }
}

/// Returns the keys within a text.
pub fn keys_within(text: &str) -> impl Iterator<Item = ObjectKey> + '_ {
    let slashes = text.match_indices('/').map(|(at, _)| at);
    slashes.filter_map(|at| {
        let (from, to) = (at.checked_sub(2)?, at + 21);
        let outside = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at)).is_none_or(|byte| !byte.is_ascii_alphanumeric())
        };
        (outside(from.checked_sub(1)) && outside(Some(to))).then(|| text.get(from..to)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_text() {
        let (one, two) = (ObjectKey::random(), ObjectKey::random());
        let text = format!(
            r#"{{"init":"{one}","content_type":"video/mp4","objects":["{two}"],"url":"https://a.example/b/{one}x"}}"#
        );
        assert_eq!(keys_within(&text).collect::<Vec<_>>(), [one.clone(), two]);
        assert_eq!(keys_within(one.as_str()).collect::<Vec<_>>(), [one]);
        assert_eq!(keys_within("ä/ and / and 12/short").count(), 0);
    }
}
