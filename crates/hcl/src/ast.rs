//! The tree that a text is read into.
use crate::Error;

/// What stands between two braces, or in a whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// In the order of the text.
    pub items: Vec<Item>,
    /// Comments after the last item, with their marks.
    pub comments: Vec<String>,
}

/// `key = value`, or `key "label" { }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub key: String,
    /// Empty for an attribute.
    pub labels: Vec<String>,
    /// Always [`Value::Object`] for a block.
    pub value: Value,
    pub form: Form,
    /// The line of the key, from 1.
    pub line: u32,
    /// Comments above the item (and those inside its list value), with their marks.
    pub comments: Vec<String>,
    /// The comment behind the item on its last line, with its mark.
    pub trailing: Option<String>,
}

/// How an item was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `key = value`, and every JSON member.
    Attribute,
    /// `key "label" { }`
    Block,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Only JSON has it.
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<Value>),
    Object(Body),
}

/// A block as its reader sees it, however it was written.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    pub labels: Vec<&'a str>,
    pub body: &'a Body,
    /// The line of its key, from 1.
    pub line: u32,
}

impl Body {
    /// The last item of that name.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.items.iter().rev().find(|item| item.key == key)
    }

    /// The items of that name.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |item| item.key == key)
    }

    /// The blocks of that name with at most `labels` labels: see [`Item::blocks`].
    pub fn blocks<'a>(&'a self, key: &'a str, labels: usize) -> Result<Vec<Block<'a>>, Error> {
        let mut found = Vec::new();
        for item in self.all(key) {
            found.extend(item.blocks(labels)?);
        }
        Ok(found)
    }
}

impl Item {
    /// Sees the item as blocks with up to `labels` labels. Objects (and lists of objects) inside it stand for the labels that
    /// it lacks, as in JSON: `{"path": {"a": {..}, "b": {..}}}` is `path "a" {..} path "b" {..}`. An object that holds anything
    /// but objects is the block itself, with fewer labels.
    ///
    /// Errors: the value is no object, or the item has more labels than that.
    pub fn blocks(&self, labels: usize) -> Result<Vec<Block<'_>>, Error> {
        if self.labels.len() > labels {
            return Err(self.wrong(&format!("{:?} takes at most {labels} label(s)", self.key)));
        }
        let mut found = Vec::new();
        let head: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        if collect(&self.value, &head, labels, self.line, &mut found) {
            Ok(found)
        } else {
            Err(self.wrong(&format!("{:?} must be a block: {0} {{ .. }}", self.key)))
        }
    }

    fn wrong(&self, text: &str) -> Error {
        Error::new(self.line, 1, text.to_owned())
    }
}

impl Value {
    /// What it is, in words for an error.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The same as a JSON value. Labels of blocks become nested objects.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Int(n) => Json::from(*n),
            Self::Float(n) => Json::from(*n),
            Self::String(s) => Json::String(s.clone()),
            Self::List(list) => Json::Array(list.iter().map(Value::to_json).collect()),
            Self::Object(body) => {
                let member = |item: &Item| {
                    let inner = item.labels.iter().rev().fold(item.value.to_json(), |value, label| {
                        Json::Object([(label.clone(), value)].into_iter().collect())
                    });
                    (item.key.clone(), inner)
                };
                Json::Object(body.items.iter().map(member).collect())
            }
        }
    }
}

/// Adds the blocks in `value`; false if it is neither an object nor a list of objects.
fn collect<'a>(value: &'a Value, head: &[&'a str], labels: usize, line: u32, found: &mut Vec<Block<'a>>) -> bool {
    match value {
        Value::Object(body) => {
            let nested = |item: &Item| match &item.value {
                Value::Object(_) => true,
                Value::List(list) => !list.is_empty() && list.iter().all(|v| matches!(v, Value::Object(_))),
                _ => false,
            };
            if head.len() == labels || body.items.is_empty() || !body.items.iter().all(nested) {
                found.push(Block { labels: head.to_vec(), body, line });
                return true;
            }
            body.items.iter().all(|item| {
                let mut head = head.to_vec();
                head.push(&item.key);
                head.extend(item.labels.iter().map(String::as_str));
                head.len() <= labels && collect(&item.value, &head, labels, item.line, found)
            })
        }
        Value::List(list) => {
            list.iter().all(|v| matches!(v, Value::Object(_)) && collect(v, head, labels, line, found))
        }
        _ => false,
    }
}
