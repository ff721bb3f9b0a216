use super::*;
use kw_engine::MountConfig;
use kw_types::MountPath;

fn table(paths: &[&str]) -> MountTable {
    let mount = |path: &&str| {
        let path = MountPath::parse(path).unwrap();
        let mount = Mount {
            kind: String::new(),
            description: String::new(),
            uuid: String::new(),
            accessor: String::new(),
            options: std::collections::BTreeMap::new(),
            config: MountConfig::default(),
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            auth: false,
            tainted: false,
            path,
        };
        Arc::new(mount.into())
    };
    MountTable::new(paths.iter().map(mount).collect(), Vec::new())
}

#[test]
fn a_path_finds_the_mount_that_it_lies_in() {
    let table = table(&["secret/", "secret-old/", "secret.x/", "a/b/", "auth/token/", "sys/"]);
    let found = |path| table.find(path).map(|(mount, rest)| (mount.path.as_str(), rest.to_owned()));
    let at = |mount, rest: &str| Some((mount, rest.to_owned()));
    assert_eq!(found("secret/data/x"), at("secret/", "data/x"));
    assert_eq!(found("secret-old/data"), at("secret-old/", "data"));
    assert_eq!(found("secret"), at("secret/", ""));
    assert_eq!(found("secret/"), at("secret/", ""));
    assert_eq!(found("secret.x/y/"), at("secret.x/", "y/"));
    assert_eq!(found("a/b/c"), at("a/b/", "c"));
    assert_eq!(found("a/b"), at("a/b/", ""));
    for nowhere in ["", "a", "a/", "a/c", "secrets/x", "secre", "auth/", "auth/approle/login", "zzz"] {
        assert_eq!(found(nowhere), None, "{nowhere}");
    }
}
