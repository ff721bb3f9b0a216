//! Which bytes may stand where, by one look at a table: every byte of every head is asked.

/// In a request target that needs no second look.
pub(crate) const TARGET: u8 = 1;

/// In the name of a header that needs no second look.
pub(crate) const NAME: u8 = 2;

/// In a host that is a name or an IPv4 address.
pub(crate) const HOST: u8 = 4;

const PLACES: [u8; 256] = {
    let (mut places, mut at) = ([0; 256], 0);
    while at < places.len() {
        places[at] = match at as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' => TARGET | NAME | HOST,
            b'.' => TARGET | HOST,
            b'_' => TARGET | NAME,
            b'/' | b'~' | b'%' | b'?' | b'=' | b'&' | b'+' | b':' | b'@' | b',' | b'!' | b'$' | b'\''..=b'*' | b';' => {
                TARGET
            }
            _ => 0,
        };
        at += 1;
    }
    places
};

/// Whether all bytes may stand in this place.
pub(crate) fn all_in(place: u8, bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| PLACES.get(usize::from(*byte)).is_some_and(|places| places & place != 0))
}
