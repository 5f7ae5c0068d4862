//! The privileges that a role lacks on our tables.

use std::fmt;

use tokio_postgres::SimpleQueryMessage;

use super::Postgres;
use super::answer::answered;
use crate::StoreError;

/// Something that the connection's role lacks to use our tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The table, or the schema.
    pub on: String,
    /// What is missing.
    pub lack: Lack,
    /// The statements that grant it, to be run by a role that may.
    pub remedy: String,
}

/// The kind of problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The table does not exist in the role's search path.
    Table,
    /// Privileges, such as `INSERT, UPDATE`.
    Rights(String),
    /// Row-level security applies, and some operations have no policy.
    Policy,
    /// Row-level security applies with a condition, so some rows may be hidden.
    Condition,
}

impl Shortfall {
    /// Returns whether it is certain to cause failures.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.lack != Lack::Condition
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = &self.on;
        match &self.lack {
            Lack::Table => write!(f, "the database role cannot find the table {on}"),
            Lack::Rights(rights) => write!(f, "the database role lacks {rights} on {on}"),
            Lack::Policy => write!(
                f,
                "row-level security of {on} has no policy that gives the database role full access"
            ),
            Lack::Condition => write!(f, "row-level security of {on} may hide rows from the database role"),
        }
    }
}

impl Postgres {
    /// Checks all tables in one statement, and looks at details only if that finds a problem. Tables are resolved along
    /// the search path, as our statements resolve them; privileges may be on the table or on each of its columns.
    pub(crate) async fn shortfalls(&self, tables: &[&str]) -> Result<Vec<Shortfall>, StoreError> {
        let names: Vec<_> = tables.iter().map(|table| format!("('{table}')")).collect();
        let about = |text: &str| text.replace("$TABLES", &names.join(", "));
        let connection = self.connection().await?;
        let messages = answered(connection.simple_query(&about(SUSPECTED))).await?;
        if !messages
            .iter()
            .any(|message| matches!(message, SimpleQueryMessage::Row(_)))
        {
            return Ok(Vec::new());
        }
        let messages = answered(connection.simple_query(&about(EXPLAINED))).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let text = |row: &tokio_postgres::SimpleQueryRow, column: usize| row.get(column).unwrap_or_default().to_owned();
        Ok(rows
            .map(|row| Shortfall {
                on: text(row, 0),
                lack: match row.get(1).unwrap_or_default() {
                    "table" => Lack::Table,
                    "policy" => Lack::Policy,
                    "condition" => Lack::Condition,
                    _ => Lack::Rights(text(row, 2)),
                },
                remedy: text(row, 3),
            })
            .collect())
    }
}

/// Takes a tenth of a millisecond; every readiness check runs it.
const SUSPECTED: &str = "
SELECT 1
  FROM (SELECT to_regclass(name) AS oid FROM (VALUES $TABLES) AS listed (name)) AS ours
 WHERE oid IS NULL
    OR row_security_active(oid)
    OR NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
            AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
 LIMIT 1";

/// Not prepared, like all checks at startup. Schemas in the search path that the role may not use come first, because
/// they are the reason why tables are not found.
const EXPLAINED: &str = "
WITH ours AS (
    SELECT name, to_regclass(name) AS oid FROM (VALUES $TABLES) AS listed (name)
), seen AS (
    SELECT ours.name, ours.oid,
           (SELECT string_agg(wanted, ', ')
              FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted
             WHERE NOT has_table_privilege(ours.oid, wanted)
               AND (wanted = 'DELETE'
                    OR EXISTS (SELECT FROM pg_attribute a
                                WHERE a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped
                                  AND NOT has_column_privilege(ours.oid, a.attnum, wanted)))) AS rights,
           COALESCE(row_security_active(ours.oid), false) AS hides
      FROM ours
), policies AS (
    SELECT p.polrelid, p.polcmd::text AS command, p.polpermissive AS permits,
           COALESCE(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
             AND COALESCE(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true' AS always
      FROM pg_policy p
     WHERE EXISTS (SELECT FROM seen WHERE seen.oid = p.polrelid AND seen.hides)
       AND EXISTS (SELECT FROM unnest(p.polroles) AS role WHERE role = 0 OR pg_has_role(role, 'USAGE'))
)
SELECT nspname::text, 'schema', 'USAGE',
       format('GRANT USAGE ON SCHEMA %I TO %I;', nspname, current_user)
  FROM pg_namespace
 WHERE nspname = ANY (SELECT CASE btrim(part) WHEN '\"$user\"' THEN current_user::text ELSE btrim(part, ' \"') END
                        FROM unnest(string_to_array(current_setting('search_path'), ',')) AS part)
   AND NOT has_schema_privilege(oid, 'USAGE')
   AND EXISTS (SELECT FROM ours WHERE oid IS NULL)
UNION ALL
SELECT name, 'table', '', '' FROM ours WHERE oid IS NULL
UNION ALL
SELECT name, 'rights', rights, format('GRANT %s ON %s TO %I;', rights, oid::regclass, current_user)
  FROM seen WHERE oid IS NOT NULL AND rights IS NOT NULL
UNION ALL
SELECT name, 'policy', '', format('CREATE POLICY countersign ON %s TO %I USING (true);', oid::regclass, current_user)
  FROM seen
 WHERE hides
   AND EXISTS (SELECT FROM unnest(ARRAY['r', 'a', 'w', 'd']) AS done
                WHERE NOT EXISTS (SELECT FROM policies
                                   WHERE polrelid = seen.oid AND permits AND command IN (done, '*')))
UNION ALL
SELECT name, 'condition', '', format('CREATE POLICY countersign ON %s TO %I USING (true);', oid::regclass, current_user)
  FROM seen
 WHERE hides
   AND (EXISTS (SELECT FROM policies WHERE polrelid = seen.oid AND NOT permits AND NOT always)
        OR EXISTS (SELECT FROM unnest(ARRAY['r', 'a', 'w', 'd']) AS done
                    WHERE EXISTS (SELECT FROM policies
                                   WHERE polrelid = seen.oid AND permits AND command IN (done, '*'))
                      AND NOT EXISTS (SELECT FROM policies
                                       WHERE polrelid = seen.oid AND permits AND always AND command IN (done, '*'))))";
