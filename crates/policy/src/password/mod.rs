//! Rules for generated passwords, in Vault's password policy language.
use crate::error::PolicyError;
use kw_hcl::{Block, Item, Value};
use kw_types::{Rng, RngExt, Secret};

/// What passwords of a policy are made of.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    length: usize,
    rules: Vec<Charset>,
    /// The characters of all rules, each once.
    all: Vec<char>,
}

/// `rule "charset"`: so many characters at least are from this set.
#[derive(Clone, Debug)]
struct Charset {
    chars: Vec<char>,
    min: usize,
}

/// The shortest password that a policy may ask for, in characters.
const LEN_MIN: usize = 4;

/// The longest, in characters.
const LEN_MAX: usize = 100;

impl PasswordPolicy {
    /// Reads a text, in HCL or JSON. Errors: what is wrong, with the line: syntax, unknown keys and rules, no characters to
    /// choose from, a length under 4 or over 100, or one that the rules together exceed.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let body = kw_hcl::parse(text)?;
        if let Some(item) = body.items.iter().find(|item| !matches!(item.key.as_str(), "length" | "rule")) {
            return Err(PolicyError::new(item.line, format!("unknown key {:?}: expected length or rule", item.key)));
        }
        let length = match body.get("length") {
            Some(item) => count(item)?,
            None => return Err(PolicyError::new(1, "length must be > 0")),
        };
        if !(LEN_MIN..=LEN_MAX).contains(&length) {
            return Err(PolicyError::new(1, "passwords must be between 4 and 100 characters"));
        }
        let rules: Vec<Charset> = body.blocks("rule", 1)?.iter().map(charset).collect::<Result<_, _>>()?;
        let all = distinct(rules.iter().flat_map(|rule| rule.chars.iter().copied()));
        if all.is_empty() {
            return Err(PolicyError::new(1, "no charset specified"));
        }
        let needed = rules.iter().fold(0_usize, |sum, rule| sum.saturating_add(rule.min));
        if needed > length {
            let text = format!("specified rules require at least {needed} characters but {length} is specified");
            return Err(PolicyError::new(1, text));
        }
        Ok(Self { length, rules, all })
    }

    /// Makes a password: first what each rule asks for, the rest from all characters, then all of it shuffled.
    pub fn generate(&self, rng: &dyn Rng) -> Secret<String> {
        let mut chars = Vec::with_capacity(self.length);
        for rule in &self.rules {
            chars.extend((0..rule.min).filter_map(|_| pick(&rule.chars, rng)));
        }
        while chars.len() < self.length
            && let Some(char) = pick(&self.all, rng)
        {
            chars.push(char);
        }
        for last in (1..chars.len()).rev() {
            chars.swap(last, below(last + 1, rng));
        }
        // Reserved at once, so that no copy of a part is left behind by growing.
        let mut text = String::with_capacity(self.length * char::MAX.len_utf8());
        text.extend(chars.drain(..));
        Secret::new(text)
    }
}

fn charset(block: &Block<'_>) -> Result<Charset, PolicyError> {
    if block.labels != ["charset"] {
        return Err(PolicyError::new(block.line, "unrecognized rule type: the only one is \"charset\""));
    }
    let mut rule = Charset { chars: Vec::new(), min: 0 };
    for item in &block.body.items {
        match (item.key.as_str(), &item.value) {
            ("charset", Value::String(text)) => rule.chars = distinct(text.chars()),
            ("charset", _) => return Err(PolicyError::new(item.line, "charset must be a string")),
            ("min-chars", _) => rule.min = count(item)?,
            (key, _) => {
                let text = format!("unknown key {key:?}: expected charset or min-chars");
                return Err(PolicyError::new(item.line, text));
            }
        }
    }
    if rule.chars.is_empty() {
        return Err(PolicyError::new(block.line, "no charset specified"));
    }
    if rule.chars.iter().any(|c| c.is_control()) {
        return Err(PolicyError::new(block.line, "charset must not hold control characters"));
    }
    Ok(rule)
}

fn count(item: &Item) -> Result<usize, PolicyError> {
    let number = match &item.value {
        Value::Int(n) => usize::try_from(*n).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| PolicyError::new(item.line, format!("{} must be a whole number, 0 or more", item.key)))
}

fn distinct(chars: impl Iterator<Item = char>) -> Vec<char> {
    let mut out: Vec<char> = chars.collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn pick(chars: &[char], rng: &dyn Rng) -> Option<char> {
    chars.get(below(chars.len(), rng)).copied()
}

/// A number below `bound`, each equally likely: what lies above the last whole multiple would favour the small ones.
fn below(bound: usize, rng: &dyn Rng) -> usize {
    let bound = u32::try_from(bound).unwrap_or(u32::MAX).max(1);
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let number = u32::from_le_bytes(rng.bytes());
        if number < fair {
            return (number % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests;
