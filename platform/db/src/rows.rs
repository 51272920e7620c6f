//! Statements over many rows: how many go into one, and their placeholders.
//!
//! Invariant: there are few different statements, so that a server's cache of prepared ones keeps them.

/// Returns how many of `left` rows, at least one, the next statement should have: a power of two, at most 512. Every
/// number of rows is a statement of its own, which the server parses anew unless the connection has it in its cache
/// (sqlx keeps a hundred); so there are ten.
pub fn chunk_size(left: usize) -> usize {
    1 << left.clamp(1, 512).ilog2()
}

/// Returns `($1, $2), ($3, $4)` for `rows` rows of `columns` values: the middle of a multi-row insert.
///
/// Callers keep `rows × columns` under 32,766, SQLite's bind limit.
pub fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_in_few_statements_of_few_sizes() {
        let sizes = |mut left: usize| {
            std::iter::from_fn(move || {
                let size = (left > 0).then(|| chunk_size(left))?;
                left -= size;
                Some(size)
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(500), [256, 128, 64, 32, 16, 4]);
        assert_eq!(sizes(1100), [512, 512, 64, 8, 4]);
    }
}
