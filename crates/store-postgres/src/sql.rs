//! The names of the tables and all statements.
use crate::OpenError;

/// The version of the tables that this program makes and reads.
pub(crate) const FORMAT: i32 = 1;

/// How many changed keys are read to catch up; whoever is further behind forgets everything instead.
pub(crate) const CATCH_UP_MAX: usize = 10_000;

/// How many entries of the table of changes are deleted at once.
const TRIM_ROWS: usize = 20_000;

/// The longest name of a table, in bytes: PostgreSQL cuts names at 63, and ours get an ending.
const NAME_LEN_MAX: usize = 40;

/// The quoted names.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub rows: String,
    pub meta: String,
    pub changes: String,
}

impl Sql {
    /// Errors: [`OpenError::Option`] for a name that is empty, too long or has other characters than letters, digits, `_`.
    pub fn new(table: &str) -> Result<Self, OpenError> {
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, table),
        };
        for part in schema.into_iter().chain([name]) {
            let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if part.is_empty() || part.len() > NAME_LEN_MAX || !plain {
                let why =
                    format!("`table` is a name, or a schema and a name, of 1 to {NAME_LEN_MAX} letters, digits and _");
                return Err(OpenError::Option(why));
            }
        }
        let before = schema.map(|s| format!("\"{s}\".")).unwrap_or_default();
        let quoted = |ending: &str| format!("{before}\"{name}{ending}\"");
        Ok(Self { rows: quoted(""), meta: quoted("_meta"), changes: quoted("_changes") })
    }

    /// Makes the three tables. `fillfactor` leaves room for new versions of the one row that every commit changes.
    pub fn create(&self) -> String {
        let Self { rows, meta, changes } = self;
        format!(
            "CREATE TABLE {rows} (key bytea NOT NULL, tail_digest bytea NOT NULL, tail bytea NOT NULL, \
             value bytea NOT NULL, revision bigint NOT NULL, PRIMARY KEY (key, tail_digest));
             CREATE TABLE {changes} (revision bigint NOT NULL, key bytea NOT NULL);
             CREATE INDEX ON {changes} (revision);
             CREATE TABLE {meta} (one boolean PRIMARY KEY DEFAULT true CHECK (one), format integer NOT NULL, \
             store bytea NOT NULL, revision bigint NOT NULL, trimmed bigint NOT NULL, marked bigint NOT NULL, \
             marked_at timestamptz NOT NULL) WITH (fillfactor = 10);"
        )
    }

    pub fn found(&self) -> String {
        format!(
            "INSERT INTO {} (format, store, revision, trimmed, marked, marked_at) VALUES ({FORMAT}, $1, 0, 0, 0, now()) \
             ON CONFLICT (one) DO NOTHING",
            self.meta
        )
    }

    pub fn identity(&self) -> String {
        format!("SELECT format, store, revision FROM {}", self.meta)
    }

    pub fn lock(&self) -> String {
        format!("SELECT revision, trimmed FROM {} FOR UPDATE", self.meta)
    }

    /// `$1`: the revision that is known.
    pub fn missed(&self) -> String {
        let limit = CATCH_UP_MAX + 1;
        format!("SELECT revision, key FROM {} WHERE revision > $1 ORDER BY revision LIMIT {limit}", self.changes)
    }

    /// [`Sql::missed`], with the newest and the trimmed revision of the same moment in each line; one line at least.
    pub fn news(&self) -> String {
        format!(
            "SELECT m.revision, m.trimmed, c.revision, c.key FROM {} m LEFT JOIN LATERAL ({}) c ON true ORDER BY c.revision",
            self.meta,
            self.missed()
        )
    }

    /// `$1`, `$2`: heads and digests. Gives the places of those that are there, counted from 1, and their revisions.
    pub fn seen(&self) -> String {
        format!(
            "SELECT s.place, t.revision FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS s (key, tail_digest, place) \
             JOIN {} t ON t.key = s.key AND t.tail_digest = s.tail_digest",
            self.rows
        )
    }

    pub fn upsert(&self) -> String {
        format!(
            "INSERT INTO {} (key, tail_digest, tail, value, revision) \
             SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[]) \
             ON CONFLICT (key, tail_digest) DO UPDATE SET value = excluded.value, revision = excluded.revision",
            self.rows
        )
    }

    pub fn delete(&self) -> String {
        format!(
            "DELETE FROM {} t USING unnest($1::bytea[], $2::bytea[]) AS g (key, tail_digest) \
             WHERE t.key = g.key AND t.tail_digest = g.tail_digest",
            self.rows
        )
    }

    pub fn log(&self) -> String {
        format!("INSERT INTO {} (revision, key) SELECT * FROM unnest($1::bigint[], $2::bytea[])", self.changes)
    }

    pub fn finish(&self) -> String {
        format!("UPDATE {} SET revision = $1", self.meta)
    }

    pub fn get(&self) -> String {
        format!("SELECT value, revision FROM {} WHERE key = $1 AND tail_digest = $2", self.rows)
    }

    /// Rows, or keys alone, from (`$1`, `$2`) on; `$3` is the limit, and ($4, $5) the end, if there is one.
    ///
    /// The bounds on `key` alone are there for the index, which knows nothing of tails.
    pub fn range(&self, with_values: bool, bounded: bool) -> String {
        let columns = if with_values { "key, tail, value, revision" } else { "key, tail" };
        let end = if bounded { "AND key <= $4 AND (key, tail) < ($4, $5)" } else { "" };
        format!(
            "SELECT {columns} FROM {} WHERE key >= $1 AND (key, tail) >= ($1, $2) {end} ORDER BY key, tail LIMIT $3",
            self.rows
        )
    }

    pub fn everything(&self) -> String {
        format!("SELECT key, tail, value FROM {} ORDER BY key, tail", self.rows)
    }

    /// Remembers the newest revision as the mark, and lets go of what is older than the mark before; `$1` seconds apart, on
    /// whichever node comes first.
    pub fn mark(&self) -> String {
        format!(
            "UPDATE {} SET trimmed = marked, marked = revision, marked_at = now() \
             WHERE marked_at <= now() - make_interval(secs => $1)",
            self.meta
        )
    }

    /// Deletes the oldest that were let go of, so many that it does not take long; to be repeated until there are none.
    pub fn trim(&self) -> String {
        let Self { meta, changes, .. } = self;
        format!(
            "DELETE FROM {changes} WHERE revision <= (SELECT trimmed FROM {meta}) AND revision <= \
             (SELECT max(revision) FROM (SELECT revision FROM {changes} ORDER BY revision LIMIT {TRIM_ROWS}) oldest)"
        )
    }
}
