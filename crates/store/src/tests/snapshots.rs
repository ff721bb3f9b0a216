use super::*;
use bytes::Bytes;

fn file(rows: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let rows = rows.iter().map(|(k, v)| Ok((Key::copy_from_slice(k.as_bytes()), Bytes::copy_from_slice(v.as_bytes()))));
    snapshot::write(&mut out, rows).unwrap();
    out
}

fn rows(mut input: &[u8]) -> Result<Vec<(Key, Bytes)>, StoreError> {
    let mut rows = Vec::new();
    let count = snapshot::read(&mut input, |k, v| {
        rows.push((k, v));
        Ok(())
    })?;
    assert_eq!(count, rows.len() as u64);
    Ok(rows)
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(rows(&file(&[])), Ok(Vec::new()));
    let found = rows(&file(&[("a", "1"), ("b", ""), ("", "x")])).unwrap();
    assert_eq!(found, [("a".into(), "1".into()), ("b".into(), "".into()), ("".into(), "x".into())]);
}

#[test]
fn a_cut_file_is_an_error_at_each_length() {
    let whole = file(&[("key", "value"), ("second", "another value")]);
    for len in 0..whole.len() {
        assert!(matches!(rows(&whole[..len]), Err(StoreError::Corrupt(_))), "cut to {len}");
    }
}

#[test]
fn a_flipped_bit_is_an_error() {
    let whole = file(&[("key", "value"), ("second", "another value")]);
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(rows(&damaged), Err(StoreError::Corrupt(_))), "bit {bit}");
    }
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut lying = file(&[]);
    lying.truncate(21);
    lying.extend_from_slice(&(u32::MAX - 1).to_be_bytes());
    lying.extend_from_slice(b"short");
    assert!(matches!(rows(&lying), Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn a_damaged_snapshot_is_not_restored_silently() {
    let mut input = file(&[("a", "1"), ("b", "2")]);
    let last = input.len() - 1;
    input[last] ^= 1;
    let (store, mut input) = (MemoryStore::new(), input.as_slice());
    let restored = send(snapshot::restore(&store, &mut input)).await;
    assert!(matches!(restored, Err(StoreError::Corrupt(_))));
}

/// A handler's future must be able to hold it.
fn send<F: Future + Send>(future: F) -> F {
    future
}
