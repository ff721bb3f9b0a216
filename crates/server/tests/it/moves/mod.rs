//! Data that moves: to another store, to a snapshot and back, to a newer or older version.
mod databases;
mod migrate;
mod snapshots;
mod versions;
