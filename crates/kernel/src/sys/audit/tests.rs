use super::check;
use kw_audit::DeviceConfig;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

fn refused(options: &[(&str, &str)]) -> bool {
    let config = DeviceConfig {
        path: "file/".to_owned(),
        kind: "file".to_owned(),
        description: String::new(),
        local: false,
        options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        salt: Vec::new().into(),
    };
    check(&config).is_err()
}

#[test]
fn a_device_of_the_api_writes_audit_files_and_nothing_else() {
    let folder = std::env::temp_dir().join(format!("kw-audit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("older.log"), "{\"time\":\"\"}\n").unwrap();
    std::fs::write(path("script.sh"), "#!/bin/sh\n").unwrap();
    symlink(path("older.log"), path("link.log")).unwrap();
    for good in ["older.log", "new.log", "new/folder.log"] {
        assert!(!refused(&[("file_path", &path(good))]), "{good}");
    }
    for bad in ["script.sh", "link.log", "../up.log", ""] {
        assert!(refused(&[("file_path", &path(bad))]), "{bad}");
    }
    let new = path("new.log");
    for (name, value) in
        [("mode", "0755"), ("mode", "0622"), ("mode", "4600"), ("prefix", "#!/bin/sh\n"), ("log_raw", "true")]
    {
        assert!(refused(&[("file_path", &new), (name, value)]), "{name}={value}");
    }
    assert!(!refused(&[("file_path", &new), ("mode", "0640")]));
    assert!(refused(&[("file_path", "audit.log")]));
    for word in ["stdout", "discard"] {
        assert!(!refused(&[("file_path", word)]), "{word}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
