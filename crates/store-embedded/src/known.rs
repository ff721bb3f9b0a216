//! The rows that batch after batch has seen, with the revisions that they still have.
use hashbrown::HashMap;
use kw_store::{Key, Revision};

/// All are forgotten when there are so many.
const KEYS_MAX: usize = 4096;

/// Saves the committer the way down through the overlay for rows that nearly every batch depends on: mounts, roles, entities.
#[derive(Default)]
pub(crate) struct Known {
    rows: HashMap<Key, Revision>,
}

impl Known {
    /// Whether the row has this revision for certain (0: is not there). "No" says nothing.
    pub fn is(&self, key: &[u8], revision: Revision) -> bool {
        self.rows.get(key) == Some(&revision)
    }

    /// Remembers what was found.
    pub fn learn(&mut self, key: Key, revision: Revision) {
        if self.rows.len() >= KEYS_MAX {
            self.rows.clear();
        }
        self.rows.insert(key, revision);
    }

    /// Must be told of a write before any batch after it is checked.
    pub fn forget(&mut self, key: &[u8]) {
        self.rows.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_holds_until_it_is_written() {
        let mut known = Known::default();
        let key = Key::from_static(b"k");
        assert!(!known.is(&key, Revision(0)), "nothing is known yet");
        known.learn(key.clone(), Revision(3));
        assert!(known.is(&key, Revision(3)));
        assert!(!known.is(&key, Revision(2)));
        known.forget(&key);
        assert!(!known.is(&key, Revision(3)));
    }

    #[test]
    fn it_is_bounded() {
        let mut known = Known::default();
        for n in 0..=KEYS_MAX {
            known.learn(Key::copy_from_slice(&n.to_be_bytes()), Revision(1));
        }
        assert_eq!(known.rows.len(), 1);
    }
}
