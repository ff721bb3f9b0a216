//! What a policy can grant, and what a request can want.

/// One word of a `capabilities` list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    Create,
    Read,
    Update,
    Delete,
    List,
    Patch,
    /// A list of everything below a path.
    Scan,
    /// Needed beside the operation's own capability on protected paths.
    Sudo,
    /// Takes everything away.
    Deny,
    /// Taken for Vault's sake: no operation here asks for it.
    Subscribe,
    /// Taken for Vault's sake: no operation here asks for it.
    Recover,
}

impl Capability {
    /// All of them, in the order in which `sys/capabilities` prints them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Create,
        Self::Delete,
        Self::Deny,
        Self::List,
        Self::Patch,
        Self::Read,
        Self::Recover,
        Self::Scan,
        Self::Subscribe,
        Self::Sudo,
        Self::Update,
    ];

    /// Its word in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Scan => "scan",
            Self::Sudo => "sudo",
            Self::Deny => "deny",
            Self::Subscribe => "subscribe",
            Self::Recover => "recover",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A write to what does not exist yet.
    Create,
    Read,
    /// A write to what exists, and every action.
    Update,
    Delete,
    List,
    Patch,
    Scan,
}

impl Operation {
    /// The capability that allows it.
    pub fn needs(self) -> Capability {
        match self {
            Self::Create => Capability::Create,
            Self::Read => Capability::Read,
            Self::Update => Capability::Update,
            Self::Delete => Capability::Delete,
            Self::List => Capability::List,
            Self::Patch => Capability::Patch,
            Self::Scan => Capability::Scan,
        }
    }

    pub(crate) fn is_listing(self) -> bool {
        matches!(self, Self::List | Self::Scan)
    }

    /// Whether parameter rules speak of it.
    pub(crate) fn has_parameters(self) -> bool {
        matches!(self, Self::Read | Self::Update | Self::Create | Self::Patch)
    }
}

/// A set of capabilities. With `deny` in it, it holds nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(u16);

impl Capabilities {
    pub(crate) fn of(list: &[Capability]) -> Self {
        let mut set = Self::default();
        for capability in list {
            set = set.union(Self(bit(*capability)));
        }
        set
    }

    pub(crate) fn has(self, capability: Capability) -> bool {
        self.0 & bit(capability) != 0
    }

    pub(crate) fn is_deny(self) -> bool {
        self.has(Capability::Deny)
    }

    /// Whether it grants anything at all.
    pub(crate) fn grants(self) -> bool {
        self.0 != 0 && !self.is_deny()
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let both = Self(self.0 | other.0);
        if both.is_deny() { Self(bit(Capability::Deny)) } else { both }
    }

    /// The words, in order; `deny` alone where nothing is granted.
    pub(crate) fn words(self) -> Vec<&'static str> {
        if !self.grants() {
            return vec![Capability::Deny.as_str()];
        }
        Capability::ALL.into_iter().filter(|c| self.has(*c)).map(Capability::as_str).collect()
    }
}

fn bit(capability: Capability) -> u16 {
    1 << (capability as u16)
}
