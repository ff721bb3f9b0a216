//! Packets (RFC 9580, section 4) and the numbers inside them (section 3.2).
use super::PgpError;

/// Tags that matter here.
pub(super) mod tag {
    pub const ENCRYPTED_SESSION_KEY: u8 = 1;
    pub const SIGNATURE: u8 = 2;
    pub const SECRET_KEY: u8 = 5;
    pub const PUBLIC_KEY: u8 = 6;
    pub const SECRET_SUBKEY: u8 = 7;
    pub const LITERAL: u8 = 11;
    pub const USER_ID: u8 = 13;
    pub const PUBLIC_SUBKEY: u8 = 14;
    pub const USER_ATTRIBUTE: u8 = 17;
    pub const ENCRYPTED_DATA: u8 = 18;
}

/// A packet: its tag and its content.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub tag: u8,
    pub body: Vec<u8>,
}

/// Splits a key into packets. Partial and open-ended lengths, which keys never have, are refused.
pub(super) fn read_all(mut bytes: &[u8]) -> Result<Vec<Packet>, PgpError> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let (packet, rest) = read_one(bytes).ok_or(PgpError::Malformed("not a series of OpenPGP packets"))?;
        packets.push(packet);
        bytes = rest;
    }
    Ok(packets)
}

fn read_one(bytes: &[u8]) -> Option<(Packet, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (tag, (len, rest)) = match first >> 6 {
        0b11 => (first & 0x3f, new_length(rest)?),
        0b10 => (first >> 2 & 0x0f, old_length(first & 3, rest)?),
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(len)?;
    Some((Packet { tag, body: body.to_vec() }, rest))
}

/// Section 4.2.1; also the lengths of signature subpackets below 224.
pub(super) fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((usize::from(*first), rest)),
        192..=223 => {
            let (second, rest) = rest.split_first()?;
            Some(((usize::from(*first) - 192) * 256 + usize::from(*second) + 192, rest))
        }
        224..=254 => None,
        255 => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            Some((usize::try_from(u32::from_be_bytes(*len)).ok()?, rest))
        }
    }
}

fn old_length(kind: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    match kind {
        0 => bytes.split_first().map(|(len, rest)| (usize::from(*len), rest)),
        1 => read_u16(bytes),
        2 => {
            let (len, rest) = bytes.split_first_chunk::<4>()?;
            Some((usize::try_from(u32::from_be_bytes(*len)).ok()?, rest))
        }
        _ => None,
    }
}

/// Two bytes, big-endian.
pub(super) fn read_u16(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_be_bytes(*len)), rest))
}

/// A multiprecision integer: 16 bits of length in bits, then the bytes, of which leading zeros are dropped.
pub(super) fn read_mpi(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (bits, rest) = read_u16(bytes)?;
    let (number, rest) = rest.split_at_checked(bits.div_ceil(8))?;
    Some((without_zeros(number), rest))
}

/// Appends a multiprecision integer.
pub(super) fn write_mpi(out: &mut Vec<u8>, number: &[u8]) {
    let number = without_zeros(number);
    let spare = number.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = u16::try_from(number.len() * 8 - spare).unwrap_or(u16::MAX);
    out.extend_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(number);
}

/// Appends a packet with a five-byte length, which every reader of the new format takes.
pub(super) fn write_packet(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.push(0xc0 | tag);
    out.push(255);
    out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(body);
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
