//! From text to packets: base64, with or without ASCII armor around it.
use super::PgpError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP";

pub(super) fn decode(text: &str) -> Result<Vec<u8>, PgpError> {
    let text = text.trim();
    if text.starts_with("keybase:") {
        return Err(PgpError::Keybase);
    }
    if text.starts_with(BEGIN) {
        return dearmor(text);
    }
    let binary = plain_base64(text)?;
    match std::str::from_utf8(&binary) {
        Ok(inner) if inner.trim_start().starts_with(BEGIN) => dearmor(inner.trim()),
        _ => Ok(binary),
    }
}

/// RFC 9580, section 6.2. The checksum line is skipped: the standard tells readers not to rely on it, and the signatures
/// inside protect more.
fn dearmor(text: &str) -> Result<Vec<u8>, PgpError> {
    let mut lines = text.lines().skip(1).map(str::trim);
    // Headers end with an empty line.
    lines.by_ref().find(|line| line.is_empty()).ok_or(PgpError::Malformed("the armor has no empty line"))?;
    let mut body = String::new();
    for line in lines {
        if line.starts_with(END) {
            return plain_base64(&body);
        }
        if !line.starts_with('=') {
            body.push_str(line);
        }
    }
    Err(PgpError::Malformed("the armor has no end"))
}

fn plain_base64(text: &str) -> Result<Vec<u8>, PgpError> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(&packed).map_err(|_| {
        let digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let wrong = packed.trim_end_matches('=').bytes().position(|b| !digit(b));
        // Without a wrong character it is the last group of four that is incomplete.
        PgpError::Base64 { at: wrong.unwrap_or(packed.len().saturating_sub(1) / 4 * 4) }
    })
}
