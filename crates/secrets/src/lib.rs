//! The secrets engines, one folder each. A folder is an engine: its name in the list below is all that makes it one.

mod document;
mod listing;

/// Declares the folders as modules, and `all` with one engine of each (`pub fn engine() -> impl Engine` in the folder).
macro_rules! engines {
    ($($folder:ident),* $(,)?) => {
        $(mod $folder;)*

        /// One of each engine, by the order of the list.
        pub fn all() -> Vec<Box<dyn kw_engine::Engine>> {
            vec![$(Box::new($folder::engine())),*]
        }
    };
}

engines![cubbyhole, kv, rabbitmq, ssh];
