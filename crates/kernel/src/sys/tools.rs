//! `sys/tools`: random bytes and hashes, for scripts that have nothing better at hand.
use super::{Call, SysRoutes};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_engine::Data;
use kw_schema::{Request, Response};
use kw_types::{Fault, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("tools/random")
        .write(random)
        .at("tools/random/{bytes}")
        .write(random_sized)
        .at("tools/random/{source}/{bytes}")
        .write(random_from)
        .at("tools/hash")
        .write(hash)
        .at("tools/hash/{algorithm}")
        .write(hash_with)
}

/// Nobody gets more random bytes at once, so that a caller cannot use up the server's memory.
const RANDOM_BYTES_MAX: i64 = 128 * 1024;

/// The longest input of a hash, in bytes: what is longer would keep an event loop busy.
const INPUT_BYTES_MAX: usize = 1024 * 1024;

/// Gives random bytes.
#[derive(Request)]
struct Random {
    /// How many bytes, at most 131072.
    #[field(default = "32")]
    bytes: i64,
    /// Where they come from: `platform`, `seal` or `all`. All mean the one generator of this server.
    #[field(default = "platform")]
    source: String,
    /// `base64` or `hex`.
    #[field(default = "base64")]
    format: String,
}

/// Gives random bytes, their number or their source in the path.
#[derive(Request)]
struct RandomSized {
    /// How many bytes, at most 131072; or the source.
    #[capture]
    #[field(name = "bytes")]
    bytes_or_source: String,
    /// `base64` or `hex`.
    #[field(default = "base64")]
    format: String,
}

/// Gives random bytes of a source.
#[derive(Request)]
struct RandomFrom {
    /// `platform`, `seal` or `all`. All mean the one generator of this server.
    #[capture]
    source: String,
    /// How many bytes, at most 131072.
    #[capture]
    bytes: i64,
    /// `base64` or `hex`.
    #[field(default = "base64")]
    format: String,
}

#[derive(Serialize, Response)]
struct RandomBytes {
    /// The bytes as text.
    random_bytes: Secret<String>,
}

async fn random(call: &Call<'_>, ask: Random) -> Result<Data<RandomBytes>, Fault> {
    if !matches!(ask.source.as_str(), "platform" | "seal" | "all") {
        return Err(Fault::bad_request("unsupported entropy source; must be \"platform\" or \"seal\", or \"all\""));
    }
    if ask.bytes < 1 {
        return Err(Fault::bad_request("'bytes' cannot be less than 1"));
    }
    if ask.bytes > RANDOM_BYTES_MAX {
        return Err(Fault::bad_request(format!("'bytes' should be less than {RANDOM_BYTES_MAX}")));
    }
    let mut bytes = vec![0; usize::try_from(ask.bytes).map_err(Fault::internal)?];
    call.kernel.rng.fill(&mut bytes);
    let bytes = Secret::new(bytes);
    Ok(Data(RandomBytes { random_bytes: Secret::new(encode(bytes.expose(), &ask.format)?) }))
}

async fn random_sized(call: &Call<'_>, ask: RandomSized) -> Result<Data<RandomBytes>, Fault> {
    let RandomSized { bytes_or_source, format } = ask;
    let ask = match bytes_or_source.parse() {
        Ok(bytes) => Random { bytes, source: "platform".to_owned(), format },
        Err(_) => Random { bytes: 32, source: bytes_or_source, format },
    };
    random(call, ask).await
}

async fn random_from(call: &Call<'_>, ask: RandomFrom) -> Result<Data<RandomBytes>, Fault> {
    let RandomFrom { source, bytes, format } = ask;
    random(call, Random { bytes, source, format }).await
}

/// Hashes some bytes.
#[derive(Request)]
struct Hash {
    /// `sha2-224`, `sha2-256`, `sha2-384`, `sha2-512`, `sha3-256`, `sha3-384` or `sha3-512`.
    #[field(default = "sha2-256")]
    algorithm: String,
    #[flatten]
    what: HashWhat,
}

/// Hashes some bytes by the algorithm in the path.
#[derive(Request)]
struct HashWith {
    /// `sha2-224`, `sha2-256`, `sha2-384`, `sha2-512`, `sha3-256`, `sha3-384` or `sha3-512`.
    #[capture]
    algorithm: String,
    #[flatten]
    what: HashWhat,
}

/// What is hashed, and how the sum is shown.
#[derive(Request)]
struct HashWhat {
    /// The bytes in base64, 1 MiB at most.
    input: Secret<String>,
    /// `hex` or `base64`.
    #[field(default = "hex")]
    format: String,
}

#[derive(Serialize, Response)]
struct HashSum {
    /// The hash as text.
    sum: String,
}

async fn hash(_: &Call<'_>, ask: Hash) -> Result<Data<HashSum>, Fault> {
    let algorithm = algorithm(&ask.algorithm).ok_or_else(|| Fault::bad_request("unsupported algorithm"))?;
    let input = STANDARD
        .decode(ask.what.input.expose())
        .map_err(|_| Fault::bad_request("unable to decode input as base64: illegal base64 data"))?;
    let input = Secret::new(input);
    if input.expose().len() > INPUT_BYTES_MAX {
        return Err(Fault::bad_request(format!("the input is longer than {INPUT_BYTES_MAX} bytes")));
    }
    let sum = digest::digest(algorithm, input.expose());
    Ok(Data(HashSum { sum: encode(sum.as_ref(), &ask.what.format)? }))
}

async fn hash_with(call: &Call<'_>, ask: HashWith) -> Result<Data<HashSum>, Fault> {
    hash(call, Hash { algorithm: ask.algorithm, what: ask.what }).await
}

fn algorithm(name: &str) -> Option<&'static digest::Algorithm> {
    Some(match name {
        "sha2-224" => &digest::SHA224,
        "sha2-256" => &digest::SHA256,
        "sha2-384" => &digest::SHA384,
        "sha2-512" => &digest::SHA512,
        "sha3-256" => &digest::SHA3_256,
        "sha3-384" => &digest::SHA3_384,
        "sha3-512" => &digest::SHA3_512,
        _ => return None,
    })
}

fn encode(bytes: &[u8], format: &str) -> Result<String, Fault> {
    match format {
        "hex" => Ok(hex::encode(bytes)),
        "base64" => Ok(STANDARD.encode(bytes)),
        _ => Err(Fault::bad_request("unsupported encoding format; must be \"hex\" or \"base64\"")),
    }
}
