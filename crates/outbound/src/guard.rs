//! Which addresses may be called.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the targets of a client may be. Who names the target decides: an operator in a configuration, or anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Loopback, private and other addresses that are not of the public internet.
    pub private: bool,
    /// `http://` beside `https://`.
    pub plain_http: bool,
}

impl Guard {
    /// Public addresses by https: for targets that callers name.
    pub const PUBLIC: Guard = Guard { private: false, plain_http: false };
    /// Private addresses and plain http too: for targets that an operator configures.
    pub const OPERATOR: Guard = Guard { private: true, plain_http: true };

    /// Whether an address may be dialled.
    pub fn allows(self, address: IpAddr) -> bool {
        match Class::of(address) {
            Class::Public => true,
            Class::Private => self.private,
            Class::Metadata | Class::Unusable => false,
        }
    }
}

/// What an address is, by IANA's special-purpose registries (RFC 6890) and the clouds' manuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Public,
    /// Loopback, link-local, private, shared, documentation, tunnels: all that is special and may be somebody's own.
    Private,
    /// A cloud's metadata service, which gives credentials to whoever asks from the machine. Never dialled.
    Metadata,
    /// Unspecified, multicast, broadcast, reserved. Never dialled.
    Unusable,
}

impl Class {
    /// An IPv4 address within an IPv6 one (mapped, compatible, NAT64 of RFC 6052, 6to4) counts as that IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => embedded(v6).map_or_else(|| of_v6(v6), of_v4),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Metadata => "metadata",
            Self::Unusable => "unusable",
        })
    }
}

/// Metadata services: the common one; Amazon's for containers and pods; Alibaba's; Oracle's old one.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Amazon's, for machines and for pods; Google's.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn of_v4(address: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&address) {
        return Class::Metadata;
    }
    match address.octets() {
        [0 | 224..=255, ..] => Class::Unusable,
        [10 | 127, ..]
        | [100, 64..=127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [192, 168, ..]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Class::Private,
        _ => Class::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Class {
    if METADATA_V6.contains(&address) {
        return Class::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] | [0xff00..=0xffff, ..] => Class::Unusable,
        // Teredo, benchmarking, ORCHID and the rest of 2001::/23; documentation; all that is not global unicast.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Private,
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Private,
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}
