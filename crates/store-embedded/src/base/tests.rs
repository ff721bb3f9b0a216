use super::*;
use crate::overlay::Entry;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A few folds of rows that lie side by side, in gaps of one another and over one another; `false` is a deletion. Values are up
/// to a third of a page, so that a fold fills many pages.
fn folds() -> impl Strategy<Value = Vec<Vec<(u16, bool, u16)>>> {
    let cluster = (0_u16..400, 1_u16..60, 1_u16..3, 0_u8..8, 0_u16..1400);
    let rows = cluster.prop_map(|(first, count, step, kept, len)| {
        (0..count).map(|n| (first + n * step, kept == 0 || n % u16::from(kept) != 1, len)).collect::<Vec<_>>()
    });
    vec(vec(rows, 1..6).prop_map(|clusters| clusters.concat()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_table_holds_what_was_folded_into_it(folds in folds()) {
        let dir = TempDir::new().unwrap();
        let base = Base::create(dir.path(), 1 << 20).unwrap();
        let mut model = BTreeMap::new();
        for (revision, rows) in (1..).map(Revision).zip(folds) {
            let mut fold = Rows::new();
            for (number, is_there, len) in rows {
                let key = Key::from(format!("k/{number:04}"));
                let value = is_there.then(|| Bytes::from(vec![revision.0 as u8; usize::from(len)]));
                match &value {
                    Some(value) => model.insert(key.clone(), (revision, value.clone())),
                    None => model.remove(&key),
                };
                fold.insert(key, Entry { revision, value });
            }
            base.fold(&fold, revision).unwrap();
            let view = base.view().unwrap();
            let found: Vec<_> = view.range(&[], &[], Part::Rows).unwrap().map(Result::unwrap).collect();
            let wanted: Vec<_> =
                model.iter().map(|(key, (revision, value))| (key.clone(), Row { value: value.clone(), revision: *revision })).collect();
            prop_assert_eq!(found, wanted);
        }
        drop(base);
        prop_assert_eq!(Base::open(dir.path(), 1 << 20).unwrap().verify().unwrap(), model.len() as u64);
    }
}
