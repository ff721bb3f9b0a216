//! Public key packets (RFC 9580, section 5.5.2), version 4.
use super::PgpError;
use super::packet::{read_mpi, read_u16};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use kw_types::Time;

/// A public key packet, and what is computed from it.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    body: Vec<u8>,
    fingerprint: [u8; 20],
    pub created: Time,
    pub material: Material,
}

/// The numbers, by what they can be used for.
#[derive(Clone, Debug)]
pub(super) enum Material {
    /// Modulus and exponent without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
        may_encrypt: bool,
    },
    /// Algorithm 22 or 27.
    Ed25519([u8; 32]),
    /// Algorithm 18 on Curve25519, with the hash and cipher of its key derivation.
    Curve25519 {
        point: [u8; 32],
        hash: u8,
        cipher: u8,
    },
    Other,
}

/// Object identifiers with their length before them.
pub(super) const CURVE25519_OID: &[u8] = &[10, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01];
const ED25519_OID: &[u8] = &[9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];

impl PublicKey {
    pub fn parse(body: &[u8]) -> Result<Self, PgpError> {
        let version = body.first().ok_or(PgpError::Malformed("a key packet is empty"))?;
        if *version != 4 {
            return Err(PgpError::Unusable("only version 4 keys can be used"));
        }
        let (created, material) = parse_v4(body).ok_or(PgpError::Malformed("a key packet is cut or damaged"))?;
        let mut fingerprint = [0; 20];
        fingerprint.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed_form(body)).as_ref());
        Ok(Self { body: body.to_vec(), fingerprint, created, material })
    }

    /// SHA-1 of the packet, as version 4 has it.
    pub fn fingerprint(&self) -> &[u8; 20] {
        &self.fingerprint
    }

    /// The last eight bytes of the fingerprint.
    pub fn key_id(&self) -> &[u8] {
        self.fingerprint.get(12..).unwrap_or_default()
    }

    /// The packet as it goes into fingerprints and signatures.
    pub fn hashed_form(&self) -> Vec<u8> {
        hashed_form(&self.body)
    }

    /// Whether the algorithm encrypts, and we can.
    pub fn can_encrypt(&self) -> bool {
        match &self.material {
            Material::Rsa { may_encrypt, .. } => *may_encrypt,
            Material::Curve25519 { .. } => true,
            Material::Ed25519(_) | Material::Other => false,
        }
    }
}

fn hashed_form(body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x99], len.as_slice(), body].concat()
}

fn parse_v4(body: &[u8]) -> Option<(Time, Material)> {
    let (_, rest) = body.split_first()?;
    let (created, rest) = rest.split_first_chunk::<4>()?;
    let (algorithm, rest) = rest.split_first()?;
    let material = match algorithm {
        1..=3 => {
            let (n, rest) = read_mpi(rest)?;
            let (e, _) = read_mpi(rest)?;
            Material::Rsa { n: n.to_vec(), e: e.to_vec(), may_encrypt: *algorithm != 3 }
        }
        18 => parse_ecdh(rest)?,
        22 => match rest.strip_prefix(ED25519_OID) {
            Some(rest) => Material::Ed25519(parse_point(rest)?.0),
            None => Material::Other,
        },
        27 => Material::Ed25519(*rest.first_chunk()?),
        _ => Material::Other,
    };
    Some((Time::from_seconds(u32::from_be_bytes(*created).into()), material))
}

fn parse_ecdh(rest: &[u8]) -> Option<Material> {
    let Some(rest) = rest.strip_prefix(CURVE25519_OID) else { return Some(Material::Other) };
    let (point, rest) = parse_point(rest)?;
    // Three bytes follow: a reserved 1, the hash, the cipher.
    match rest {
        [3, 1, hash, cipher, ..] => Some(Material::Curve25519 { point, hash: *hash, cipher: *cipher }),
        _ => None,
    }
}

/// A point in the form that is prefixed with 0x40.
fn parse_point(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (bits, rest) = read_u16(bytes)?;
    let (point, rest) = rest.split_at_checked(bits.div_ceil(8))?;
    let (form, point) = point.split_first()?;
    (*form == 0x40).then_some(())?;
    Some((point.try_into().ok()?, rest))
}
