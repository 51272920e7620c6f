//! What an engine gets for the text and the values of a statement.
//!
//! SQLite keeps the names of a statement's parameters in a list and searches it from its start: for each name when it
//! parses the text, and for each parameter when sqlx binds the values. A multi-row insert with 4,096 parameters took
//! 186 ms with `$1`, `$2` … and 6 ms without names, so long statements get parameters without names there. Invariant:
//! the n-th value stands for each `$n` that is outside of quotes and comments, on both engines.

use sea_orm::{DbBackend, Statement, Value};

/// The values from which on names cost more than reading the text once more.
const MANY: usize = 32;
/// SQLite's limit of parameters.
const MAX_PARAMETERS: usize = 32_766;

/// Returns the statement of a text with `$1`, `$2` … and its values.
pub(super) fn statement(backend: DbBackend, text: &str, values: Vec<Value>) -> Statement {
    if backend == DbBackend::Sqlite
        && values.len() >= MANY
        && let Some((text, order)) = without_names(text, values.len())
    {
        return Statement::from_sql_and_values(backend, text, in_order(values, &order));
    }
    Statement::from_sql_and_values(backend, text, values)
}

/// Returns the values in the order in which a text names them. One that it names again is there again.
fn in_order(values: Vec<Value>, order: &[usize]) -> Vec<Value> {
    if order.iter().copied().eq(0..values.len()) {
        return values;
    }
    order.iter().map(|&index| values[index].clone()).collect()
}

/// Returns the text with `?` in place of each `$n`, and which of `count` values each of them is. `None` if the text can
/// only be used as it is: it names a value that is not there, or has parameters without names already.
fn without_names(text: &str, count: usize) -> Option<(String, Vec<usize>)> {
    let (mut out, mut order) = (String::with_capacity(text.len()), Vec::with_capacity(count));
    let mut rest = text;
    while let Some(at) = rest.find(['$', '?', '\'', '"', '-', '/']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes()[0] {
            b'$' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                let index = rest[1..=digits].parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < count)?;
                if order.len() == MAX_PARAMETERS {
                    return None;
                }
                order.push(index);
                out.push('?');
                rest = &rest[1 + digits..];
                continue;
            }
            b'?' => return None,
            // A doubled quote ends one text and begins the next, which comes to the same.
            quote @ (b'\'' | b'"') => 2 + rest[1..].find(char::from(quote))?,
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => 4 + rest[2..].find("*/")?,
            _ => 1,
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Some((out, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_names_has_each_value_where_it_was_named() {
        let cases = [
            ("values ($1, $2), ($3, $4)", "values (?, ?), (?, ?)", vec![0, 1, 2, 3]),
            ("set a = $2 where b = $1 or c = $2", "set a = ? where b = ? or c = ?", vec![1, 0, 1]),
            ("select '$1 ''$2''', \"$3\", $4", "select '$1 ''$2''', \"$3\", ?", vec![3]),
            ("a - $1 -- not $2\n / $3 /* nor $4 */ é", "a - ? -- not $2\n / ? /* nor $4 */ é", vec![0, 2]),
        ];
        for (text, expected, order) in cases {
            assert_eq!(without_names(text, 4), Some((expected.to_owned(), order)), "{text}");
        }
        for text in ["values ($5)", "values ($0)", "values ($x)", "values ($1, ?)", "values ('$1"] {
            assert_eq!(without_names(text, 4), None, "{text}");
        }
    }

    #[test]
    fn only_long_statements_of_sqlite_lose_their_names() {
        let sql = |backend, count: i32| {
            let text = format!("values ({})", (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", "));
            let made = statement(backend, &text, (1..=count).map(Value::from).collect());
            assert_eq!(made.values.map(|values| values.0), Some((1..=count).map(Value::from).collect()));
            made.sql.contains('$')
        };
        assert!(!sql(DbBackend::Sqlite, 32) && sql(DbBackend::Sqlite, 31) && sql(DbBackend::Postgres, 32));
    }
}
