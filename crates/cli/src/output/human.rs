//! Values as people read them in a table: the way Go prints them, which scripts know.
use kw_client::Json;

/// A value: texts as they are, lists as `[a b]`, objects as `map[k:v]`, nothing as `<nil>`.
pub(crate) fn plain(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) => n.to_string(),
        Json::String(s) => s.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Json::Object(map) => {
            let pair = |(k, v): (&String, &Json)| format!("{k}:{}", plain(v));
            format!("map[{}]", map.iter().map(pair).collect::<Vec<_>>().join(" "))
        }
    }
}

/// A value under its name: a number of seconds shows as a duration where the name says that it is one.
pub(crate) fn plain_for_key(key: &str, value: &Json) -> String {
    match value.as_u64() {
        Some(seconds) if names_a_duration(key) => duration(seconds),
        _ => plain(value),
    }
}

/// Seconds as `1h`, `59m59s`, `768h`, `0s`: units that are zero are left out at the end.
pub(crate) fn duration(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m, s) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, 0) => format!("{h}h{m}m"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

fn names_a_duration(key: &str) -> bool {
    ["ttl", "period", "duration", "lease_max", "ttl_max"].contains(&key)
        || ["_ttl", "_period", "_duration"].iter().any(|end| key.ends_with(end))
}
