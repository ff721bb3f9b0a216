//! Which of a key's keys to encrypt to.
use super::PgpError;
use super::packet::{Packet, tag};
use super::public::{Material, PublicKey};
use super::signature::{Signature, kind};
use kw_types::Time;

/// The primary key, and the key to encrypt to: the newest subkey that is bound to the primary key, may encrypt, has neither
/// expired nor been revoked; failing that, the primary key itself if it may.
pub(super) fn recipient(packets: &[Packet], now: Time) -> Result<(PublicKey, PublicKey), PgpError> {
    let (first, rest) = packets.split_first().ok_or(PgpError::Malformed("it is empty"))?;
    if matches!(first.tag, tag::SECRET_KEY | tag::SECRET_SUBKEY) {
        return Err(PgpError::Unusable("this is a secret key, which nobody should send; give the public one"));
    }
    if first.tag != tag::PUBLIC_KEY {
        return Err(PgpError::Malformed("it does not begin with a public key"));
    }
    let primary = PublicKey::parse(&first.body)?;
    if !matches!(primary.material, Material::Rsa { .. } | Material::Ed25519(_)) {
        return Err(PgpError::Unusable("the primary key must be RSA or Ed25519"));
    }
    let parts = group(rest, now)?;
    check_primary(&primary, &parts, now)?;
    let subkeys = parts.iter().filter_map(|part| usable_subkey(&primary, part, now));
    let chosen = subkeys.max_by_key(|subkey| subkey.created);
    let chosen = chosen.or_else(|| primary_may_encrypt(&primary, &parts).then(|| primary.clone()));
    let none = "no encryption key in it can be used: RSA of 2048 bits or more, or Curve25519, that is valid now";
    chosen.map(|recipient| (primary, recipient)).ok_or(PgpError::Unusable(none))
}

/// A name or subkey with the signatures that follow it; the first part is the primary key's own.
struct Part<'a> {
    packet: Option<&'a Packet>,
    signatures: Vec<Signature>,
}

fn group(packets: &[Packet], now: Time) -> Result<Vec<Part<'_>>, PgpError> {
    let mut parts = vec![Part { packet: None, signatures: Vec::new() }];
    for packet in packets {
        match packet.tag {
            tag::SIGNATURE => {
                if let (Some(part), Some(signature)) = (parts.last_mut(), Signature::parse(&packet.body, now)) {
                    part.signatures.push(signature);
                }
            }
            tag::PUBLIC_KEY => return Err(PgpError::Unusable("there are several keys in it; give one at a time")),
            _ => parts.push(Part { packet: Some(packet), signatures: Vec::new() }),
        }
    }
    Ok(parts)
}

fn check_primary(primary: &PublicKey, parts: &[Part<'_>], now: Time) -> Result<(), PgpError> {
    let form = primary.hashed_form();
    let own = parts.iter().filter(|part| part.packet.is_none()).flat_map(|part| &part.signatures);
    if own.filter(|s| s.kind == kind::KEY_REVOCATION).any(|s| s.verifies(primary, &[&form])) {
        return Err(PgpError::Unusable("the key has been revoked"));
    }
    let newest = self_signature(primary, parts)
        .ok_or(PgpError::Unusable("the key has no valid signature by itself (SHA-1 does not count)"))?;
    if has_ended(primary, newest, now) {
        return Err(PgpError::Unusable("the key has expired"));
    }
    Ok(())
}

/// The newest signature in which the primary key speaks about itself.
fn self_signature<'a>(primary: &PublicKey, parts: &'a [Part<'_>]) -> Option<&'a Signature> {
    let form = primary.hashed_form();
    let said = parts.iter().flat_map(|part| {
        let about = name_form(part.packet);
        let valid = |s: &&Signature| match (&about, s.kind) {
            (None, kind::DIRECT_KEY) => part.packet.is_none() && s.verifies(primary, &[&form]),
            (Some(name), k) => kind::CERTIFICATIONS.contains(&k) && s.verifies(primary, &[&form, name]),
            _ => false,
        };
        part.signatures.iter().filter(valid).collect::<Vec<_>>()
    });
    said.max_by_key(|s| s.created)
}

/// A user ID or attribute as it goes into signatures (section 5.2.4).
fn name_form(packet: Option<&Packet>) -> Option<Vec<u8>> {
    let packet = packet?;
    let mark = match packet.tag {
        tag::USER_ID => 0xb4,
        tag::USER_ATTRIBUTE => 0xd1,
        _ => return None,
    };
    let len = u32::try_from(packet.body.len()).ok()?.to_be_bytes();
    Some([&[mark], len.as_slice(), &packet.body].concat())
}

fn usable_subkey(primary: &PublicKey, part: &Part<'_>, now: Time) -> Option<PublicKey> {
    let packet = part.packet.filter(|packet| packet.tag == tag::PUBLIC_SUBKEY)?;
    let subkey = PublicKey::parse(&packet.body).ok()?;
    let forms = [primary.hashed_form(), subkey.hashed_form()];
    let forms = forms.each_ref().map(Vec::as_slice);
    let said = |wanted: u8| part.signatures.iter().filter(move |s| s.kind == wanted);
    if !subkey.can_encrypt() || said(kind::SUBKEY_REVOCATION).any(|s| s.verifies(primary, &forms)) {
        return None;
    }
    let binding = said(kind::SUBKEY_BINDING).filter(|s| s.verifies(primary, &forms)).max_by_key(|s| s.created)?;
    let usable = binding.may_encrypt != Some(false) && !has_ended(&subkey, binding, now);
    usable.then_some(subkey)
}

fn primary_may_encrypt(primary: &PublicKey, parts: &[Part<'_>]) -> bool {
    primary.can_encrypt() && self_signature(primary, parts).is_some_and(|s| s.may_encrypt != Some(false))
}

fn has_ended(key: &PublicKey, signature: &Signature, now: Time) -> bool {
    let life_seconds = signature.key_life_seconds;
    life_seconds != 0 && now.seconds() >= key.created.seconds().saturating_add(life_seconds)
}
