//! The auth methods, one folder each. A new one is a folder that exports `method()`, and one word in the list below.
mod old_names;
mod page;

use kw_engine::AuthMethod;

macro_rules! methods {
    [$($name:ident),* $(,)?] => {
        $(mod $name;)*

        /// Every auth method that can be mounted. (`token` is not among them: it is part of the kernel and always there.)
        pub fn all() -> Vec<Box<dyn AuthMethod>> {
            vec![$(Box::new($name::method())),*]
        }
    };
}

methods![approle, userpass];
