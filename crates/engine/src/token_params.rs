//! The `token_*` fields that every auth method's roles and users share.
use crate::{Coerce, Fault, Grant, Kind, Raw, TokenKind, Ttl};
use ipnet::IpNet;
use kw_schema::{Request, Response};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;

/// An address or network; an address alone is a network of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    net: IpNet,
    /// As it was written: `10.0.0.1` stays that.
    text: String,
}

impl Cidr {
    /// Errors: a text that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let text = text.trim();
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(|net| Self { net, text: text.to_owned() })
            .map_err(|_| Cow::Borrowed("must hold addresses or CIDR blocks"))
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.net.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Cidr {
    type Error = Cow<'static, str>;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.text
    }
}

/// Addresses and networks that may use something. None at all means no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cidrs(pub Vec<Cidr>);

impl Cidrs {
    /// Networks of one address written as that address, as the fields of tokens show them.
    #[must_use]
    fn with_bare_hosts(self) -> Self {
        let bare = |cidr: Cidr| {
            let is_host = cidr.net.prefix_len() == cidr.net.max_prefix_len();
            Cidr { text: if is_host { cidr.net.addr().to_string() } else { cidr.text }, net: cidr.net }
        };
        Self(self.0.into_iter().map(bare).collect())
    }

    /// Whether a request from this address is within the bound; one whose address is not known is within none.
    pub fn allow(&self, remote: Option<IpAddr>) -> bool {
        self.0.is_empty() || remote.is_some_and(|ip| self.0.iter().any(|c| c.contains(ip)))
    }
}

impl Coerce for Cidrs {
    const KIND: Kind = Kind::List;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        Vec::<String>::coerce(raw)?.iter().map(|text| Cidr::parse(text)).collect::<Result<_, _>>().map(Self)
    }
}

/// What tokens of a role or user are like, as stored and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Response)]
pub struct TokenParams {
    /// Only these addresses may use the tokens.
    pub token_bound_cidrs: Cidrs,
    /// Renewals never carry a token beyond this age, in seconds.
    pub token_explicit_max_ttl: Ttl,
    /// The longest life with renewals, in seconds; 0: the mount's.
    pub token_max_ttl: Ttl,
    /// Leave the `default` policy away.
    pub token_no_default_policy: bool,
    /// How many requests a token is good for; 0: any number.
    pub token_num_uses: u64,
    /// Renewals always give this many seconds, without an end; 0: not periodic.
    pub token_period: Ttl,
    pub token_policies: Vec<String>,
    /// Bind each token to the address that logged in.
    pub token_strictly_bind_ip: bool,
    /// Seconds that a token lives; 0: the mount's default.
    pub token_ttl: Ttl,
    /// `default`, `service`, `batch`, `default-service` or `default-batch`.
    pub token_type: String,
}

/// The same fields as a caller may give them: what is not given stays as it is.
#[derive(Clone, Debug, Default, Request)]
pub struct TokenParamsUpdate {
    /// Addresses and CIDR blocks that may use the tokens.
    pub token_bound_cidrs: Option<Cidrs>,
    /// The age that renewals never go beyond.
    pub token_explicit_max_ttl: Option<Ttl>,
    /// The longest life with renewals.
    pub token_max_ttl: Option<Ttl>,
    /// Leave the `default` policy away.
    pub token_no_default_policy: Option<bool>,
    /// How many requests a token is good for; 0: any number.
    pub token_num_uses: Option<i64>,
    /// Make the tokens periodic.
    pub token_period: Option<Ttl>,
    /// Policies of the tokens.
    pub token_policies: Option<Vec<String>>,
    /// Bind each token to the address that logged in.
    pub token_strictly_bind_ip: Option<bool>,
    /// How long a token lives at first.
    pub token_ttl: Option<Ttl>,
    /// The type of the tokens.
    pub token_type: Option<String>,
}

impl TokenParams {
    /// Takes over what is given, and checks the whole. Errors: 400.
    pub fn apply(&mut self, update: TokenParamsUpdate) -> Result<(), Fault> {
        fn set<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        set(&mut self.token_bound_cidrs, update.token_bound_cidrs.map(Cidrs::with_bare_hosts));
        set(&mut self.token_explicit_max_ttl, update.token_explicit_max_ttl);
        set(&mut self.token_max_ttl, update.token_max_ttl);
        set(&mut self.token_no_default_policy, update.token_no_default_policy);
        set(&mut self.token_period, update.token_period);
        set(&mut self.token_strictly_bind_ip, update.token_strictly_bind_ip);
        set(&mut self.token_ttl, update.token_ttl);
        if let Some(uses) = update.token_num_uses {
            self.token_num_uses =
                u64::try_from(uses).map_err(|_| Fault::bad_request("'token_num_uses' cannot be negative"))?;
        }
        if let Some(policies) = update.token_policies {
            self.token_policies = normal_policies(&policies);
        }
        if let Some(kind) = update.token_type {
            self.token_type = kind;
        }
        self.check()
    }

    fn check(&mut self) -> Result<(), Fault> {
        if self.token_type.is_empty() {
            self.token_type = "default".to_owned();
        }
        if !matches!(self.token_type.as_str(), "default" | "service" | "batch" | "default-service" | "default-batch") {
            return Err(Fault::bad_request(
                "invalid 'token_type': use default, service, batch, default-service or default-batch",
            ));
        }
        let batch = matches!(self.token_type.as_str(), "batch" | "default-batch");
        if batch && (!self.token_period.is_zero() || self.token_num_uses > 0) {
            return Err(Fault::bad_request(
                "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count or a period",
            ));
        }
        if !self.token_max_ttl.is_zero() && self.token_ttl > self.token_max_ttl {
            return Err(Fault::bad_request("'token_ttl' cannot be greater than 'token_max_ttl'"));
        }
        Ok(())
    }

    /// The token that a login gets, to be completed with who came.
    pub fn grant(&self, remote: Option<IpAddr>) -> Grant {
        let mut bound_cidrs = self.token_bound_cidrs.clone();
        if self.token_strictly_bind_ip {
            bound_cidrs =
                Cidrs(remote.and_then(|ip| Cidr::parse(&ip.to_canonical().to_string()).ok()).into_iter().collect());
        }
        let kind = match self.token_type.as_str() {
            "service" | "default-service" => Some(TokenKind::Service),
            "batch" | "default-batch" => Some(TokenKind::Batch),
            _ => None,
        };
        Grant {
            policies: self.token_policies.clone(),
            no_default_policy: self.token_no_default_policy,
            ttl: self.token_ttl,
            max_ttl: self.token_max_ttl,
            period: self.token_period,
            explicit_max_ttl: self.token_explicit_max_ttl,
            num_uses: self.token_num_uses,
            bound_cidrs,
            kind,
            renewable: true,
            ..Grant::default()
        }
    }

    /// Refuses an address that the parameters do not allow. Vault's text says no more than it must.
    pub fn check_address(&self, remote: Option<IpAddr>) -> Result<(), Fault> {
        if self.token_bound_cidrs.allow(remote) {
            Ok(())
        } else {
            Err(Fault::denied().because("the address is not within the bound CIDRs"))
        }
    }
}

/// Policy names as they are stored: trimmed, lower case, sorted, each once. `root` may stand here, but no login gives it.
fn normal_policies(policies: &[String]) -> Vec<String> {
    let mut out: Vec<String> = policies.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    out.sort();
    out.dedup();
    out
}
