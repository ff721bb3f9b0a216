//! schema-derive
