//! Fields that Vault 1.2 renamed: `policies` became `token_policies` and so on. The old names are still taken, and shown again
//! to whoever used them, as Vault does, so that a tool that reads back what it wrote finds it.

/// Lets the old name stand in for the new one, which wins where both are given. `shown` remembers whether the old name was the
/// last one used.
pub fn take<T>(new: &mut Option<T>, old: Option<T>, shown: &mut bool) {
    if new.is_some() || old.is_some() {
        *shown = old.is_some();
    }
    if new.is_none() {
        *new = old;
    }
}
