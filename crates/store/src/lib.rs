//! One interface to two databases: an embedded SQLite file or a PostgreSQL server.
//!
//! It handles connections, transactions, durability and migrations, and does not depend on tables, features or a clock.
//! Each statement is written once, with `$1` for its first value, and means the same on both:
//!
//! ```no_run
//! use countersign_store::{Db, StoreError, query, row, sql};
//!
//! row! {
//!     /// A row of `notes`.
//!     pub struct Note { pub id: i64, pub text: Option<String> }
//! }
//!
//! async fn note(db: &Db, id: i64) -> Result<Option<Note>, StoreError> {
//!     query(sql!("SELECT id, text FROM notes WHERE id = $1")).bind(id).optional(db).await
//! }
//! ```
//!
//! A statement on `&Db` runs alone, under READ COMMITTED on PostgreSQL, so its `WHERE` must contain every condition. Run several
//! statements in [`Db::transact`], which is serializable on both. A write returns once it is on disk: see
//! `sqlite/durable.rs`.

mod checksums;
mod connection;
mod db;
mod error;
mod examine;
mod lookup;
mod migrate;
mod options;
mod own_tables;
mod postgres;
mod query;
mod row;
mod sql;
mod sqlite;
mod statement;
mod statements;
mod transaction;
mod transfer;
mod tx_state;
mod value;

pub use connection::Conn;
pub use db::Db;
pub use error::{OpenError, StoreError};
pub use examine::Examination;
pub use lookup::Lookup;
pub use migrate::{Applied, MigrateError, Migration, Schema};
pub use options::{DatabaseKind, DatabaseOptions, PoolStatus, Role};
pub use postgres::{Lack, Listener, PARAMETERS, Shortfall, unknown_parameter};
pub use row::{Cell, Column, FromRow, Row};
pub use sql::Sql;
pub use sqlite::{FileContents, belongs_to_database, database_file, file_contents};
pub use statement::{Query, query};
pub use statements::statements;
pub use transaction::{Scoped, Tx, Work};
pub use transfer::{ColumnKind, Digest, Piece, Pieces, Table, TableColumn};
pub use value::Value;

/// Items that the macros of this crate expand to. Do not use them directly.
#[doc(hidden)]
pub mod expansion {
    pub use crate::sql::{STATEMENTS, question_marks, text_of};
    pub use linkme;
}
