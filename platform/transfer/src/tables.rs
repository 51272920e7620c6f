//! The tables of a schema with their columns, read from the destination's catalogue.
//!
//! Owns the seven types that migrations use and how a row is represented between the engines. Invariant: a row reads
//! the same from both engines, so its hash is the same.

use std::collections::BTreeSet;

use sea_orm::{FromQueryResult, QueryResult};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Error, progress};
use db::{Sql, Value};

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    kind: ColumnType,
}

/// The types that migrations use.
#[derive(Debug, Clone, Copy)]
enum ColumnType {
    Text,
    Integer,
    Real,
    Boolean,
    Timestamp,
    Uuid,
    Bytes,
}

impl ColumnType {
    /// Returns the type with this `information_schema.columns.data_type`.
    fn of(data_type: &str) -> Option<Self> {
        Some(match data_type {
            "text" => Self::Text,
            "bigint" => Self::Integer,
            "double precision" => Self::Real,
            "boolean" => Self::Boolean,
            "timestamp with time zone" => Self::Timestamp,
            "uuid" => Self::Uuid,
            "bytea" => Self::Bytes,
            _ => return None,
        })
    }

    /// Reads the column at `index`. A null value has its type, which PostgreSQL needs.
    fn read(self, row: &QueryResult, index: usize) -> Result<Value, db::Error> {
        Ok(match self {
            Self::Text => row.try_get_by_index::<Option<String>>(index)?.into(),
            Self::Integer => row.try_get_by_index::<Option<i64>>(index)?.into(),
            Self::Real => row.try_get_by_index::<Option<f64>>(index)?.into(),
            Self::Boolean => row.try_get_by_index::<Option<bool>>(index)?.into(),
            Self::Timestamp => row.try_get_by_index::<Option<chrono::DateTime<chrono::Utc>>>(index)?.into(),
            Self::Uuid => row.try_get_by_index::<Option<Uuid>>(index)?.into(),
            Self::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(index)?.into(),
        })
    }
}

impl Table {
    /// The name as SQL text.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The columns as SQL text, separated by commas.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Reads a row whose columns begin at `first`.
    pub(super) fn read(&self, row: &QueryResult, first: usize) -> Result<Vec<Value>, db::Error> {
        self.columns.iter().enumerate().map(|(index, column)| column.kind.read(row, first + index)).collect()
    }

    /// Returns the table with these columns only.
    pub(super) fn with_columns(&self, names: &[&str]) -> Self {
        Self {
            name: self.name.clone(),
            columns: self.columns.iter().filter(|column| names.contains(&column.name.as_str())).cloned().collect(),
        }
    }
}

/// Counts and hashes rows, in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    sum: [u64; 4],
}

impl Checksum {
    /// Adds a row: the sum of the rows' SHA-256, lane by lane, doesn't depend on their order.
    pub(super) fn add(&mut self, row: &[Value]) {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        for value in row {
            bytes += hash_value(&mut hash, value);
        }
        self.rows += 1;
        self.bytes += bytes;
        for (lane, part) in self.sum.iter_mut().zip(hash.finalize().as_chunks::<8>().0) {
            *lane = lane.wrapping_add(u64::from_le_bytes(*part));
        }
    }
}

/// Hashes a value so that no two different rows have the same input. Returns its size in bytes.
fn hash_value(hash: &mut Sha256, value: &Value) -> u64 {
    let mut put = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
        bytes.len() as u64
    };
    match value {
        Value::String(Some(text)) => put(b't', text.as_bytes()),
        Value::BigInt(Some(number)) => put(b'i', &number.to_le_bytes()),
        Value::Double(Some(number)) => put(b'r', &number.to_bits().to_le_bytes()),
        Value::Bool(Some(truth)) => put(b'b', &[u8::from(*truth)]),
        // Microseconds are what PostgreSQL stores, and what our clock returns.
        Value::ChronoDateTimeUtc(Some(time)) => put(b'z', &time.timestamp_micros().to_le_bytes()),
        Value::Uuid(Some(id)) => put(b'u', id.as_bytes()),
        Value::Bytes(Some(bytes)) => put(b'x', bytes),
        _ => put(b'-', &[]),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[derive(FromQueryResult)]
struct NameRow {
    name: String,
}

#[derive(FromQueryResult)]
struct ColumnRow {
    owner: String,
    name: String,
    kind: String,
}

#[derive(FromQueryResult)]
struct ForeignKeyRow {
    child: String,
    parent: String,
}

const COLUMNS: &str = "
    select cast(c.table_name as text) as owner, cast(c.column_name as text) as name, cast(c.data_type as text) as kind
      from information_schema.columns c
      join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
     where c.table_schema = current_schema()
       and t.table_type = 'BASE TABLE'
     order by c.table_name, c.ordinal_position";

const FOREIGN_KEYS: &str = "
    select cast(child.relname as text) as child, cast(parent.relname as text) as parent
      from pg_constraint link
      join pg_class child on child.oid = link.conrelid
      join pg_class parent on parent.oid = link.confrelid
      join pg_namespace place on place.oid = link.connamespace
     where link.contype = 'f'
       and place.nspname = current_schema()";

/// The tables that say something of an installation, and stay in it.
const OF_INSTALLATION: [&str; 4] = [progress::TABLE, "schema_version", "environment", "retirement"];

/// Returns the tables of the destination's schema, parents before their children, without those that say something of
/// the installation.
pub(super) async fn read_schema(destination: &impl Sql) -> Result<Vec<Table>, Error> {
    let columns: Vec<ColumnRow> = destination.rows(COLUMNS, vec![]).await?;
    let mut tables: Vec<Table> = Vec::new();
    for ColumnRow { owner, name, kind } in
        columns.into_iter().filter(|column| !OF_INSTALLATION.contains(&column.owner.as_str()))
    {
        let kind = ColumnType::of(&kind).ok_or_else(|| Error::Column(format!("{owner}.{name}")))?;
        if tables.last().is_none_or(|table| table.name != owner) {
            tables.push(Table { name: owner, columns: Vec::new() });
        }
        tables.iter_mut().last().into_iter().for_each(|table| table.columns.push(Column { name: name.clone(), kind }));
    }
    let references: Vec<ForeignKeyRow> = destination.rows(FOREIGN_KEYS, vec![]).await?;
    Ok(parents_first(tables, &references))
}

/// Orders tables so that all parents come before their children; tables in a cycle keep the catalogue's order.
fn parents_first(mut tables: Vec<Table>, references: &[ForeignKeyRow]) -> Vec<Table> {
    let mut placed: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let has_unplaced_parent = |table: &Table| {
            let mut parents =
                references.iter().filter(|reference| reference.child == table.name && reference.parent != table.name);
            parents.any(|reference| tables.iter().any(|other| other.name == reference.parent))
        };
        let next = tables.iter().position(|table| !has_unplaced_parent(table)).unwrap_or(0);
        placed.push(tables.remove(next));
    }
    placed
}

/// Refuses if the source's tables are not the destination's.
pub(super) async fn compare(source: &impl Sql, service: &str, tables: &[Table]) -> Result<(), Error> {
    let differs = |table: &str| Error::Schema { service: service.to_owned(), table: table.to_owned() };
    let found: Vec<NameRow> = source
        .rows("select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'", vec![])
        .await?;
    let is_moved = |named: &&NameRow| !OF_INSTALLATION.contains(&named.name.as_str());
    if let Some(extra) = found.iter().filter(is_moved).find(|named| tables.iter().all(|table| table.name != named.name))
    {
        return Err(differs(&extra.name));
    }
    for table in tables {
        let columns: Vec<NameRow> =
            source.rows("select name from pragma_table_info($1)", vec![table.name.as_str().into()]).await?;
        let columns: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        if columns != table.columns.iter().map(|column| column.name.as_str()).collect() {
            return Err(differs(&table.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_depends_on_every_value_and_not_on_their_order() {
        let rows: [Vec<Value>; 4] = [
            vec!["ab".into(), "c".into()],
            vec!["a".into(), "bc".into()],
            vec!["".into(), Value::String(None)],
            vec![Value::String(None), "".into()],
        ];
        let checksum = |rows: &[&Vec<Value>]| {
            let mut checksum = Checksum::default();
            rows.iter().for_each(|row| checksum.add(row));
            checksum
        };
        assert_eq!(checksum(&[&rows[0], &rows[1], &rows[2]]), checksum(&[&rows[2], &rows[0], &rows[1]]));
        for (one, other) in [(0, 1), (2, 3), (0, 2)] {
            assert_ne!(checksum(&[&rows[one]]), checksum(&[&rows[other]]), "{one} and {other}");
        }
        assert_ne!(
            checksum(&[&rows[0], &rows[0]]),
            checksum(&[&rows[1], &rows[1]]),
            "equal rows don't cancel each other out"
        );
    }

    #[test]
    fn parents_come_first() {
        let table = |name: &str| Table { name: name.into(), columns: Vec::new() };
        let reference = |child: &str, parent: &str| ForeignKeyRow { child: child.into(), parent: parent.into() };
        let order = parents_first(
            vec![table("a"), table("b"), table("c")],
            &[reference("a", "c"), reference("c", "b"), reference("b", "b")],
        );
        assert_eq!(order.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    }
}
