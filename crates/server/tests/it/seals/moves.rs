//! From one seal to another.
use super::*;

#[test]
fn from_shares_to_a_seal_and_back() {
    let setup = Setup::embedded();
    let mut server = setup.start();
    server.init(3, 2);
    server.unseal();
    server.mount("kv", json!({"type": "kv"}));
    server.root().post("kv/a", json!({"x": 1})).ok();
    let shares = server.keys.shares.clone();
    assert_eq!(give(&server, &shares, "migrate").status, 400, "there is nothing to move to");

    let with_seal = setup.clone().with_top(&static_seal(&setup, "one", ""));
    let server = restarted(&with_seal, server);
    let shown = status(&server);
    assert_eq!((&shown["migration"], &shown["sealed"], &shown["type"]), (&json!(true), &json!(true), &json!("shamir")));
    assert_eq!(give(&server, &shares, "").status, 400);
    server.nobody().post("sys/unseal", json!({"reset": true})).ok();
    assert_eq!(give(&server, &shares[..2], "migrate").ok().json()["sealed"], json!(false));
    opens(&server);
    assert_eq!(status(&server)["type"], json!("static"));
    let server = restarted(&with_seal, server);
    opens(&server);
    // The unseal shares have become recovery shares.
    assert_eq!(drill(&server, &shares[1..]).ok().json()["kind"], json!("recovery"));

    let disabled = setup.clone().with_top(&static_seal(&setup, "one", "disabled = \"true\""));
    let server = restarted(&disabled, server);
    assert_eq!(status(&server)["migration"], json!(true));
    assert_eq!(give(&server, &["00".repeat(33), "11".repeat(33)], "migrate").status, 400);
    assert_eq!(give(&server, &shares[1..], "migrate").ok().json()["sealed"], json!(false));
    opens(&server);
    assert_eq!(status(&server)["type"], json!("shamir"));
    let server = restarted(&setup, server);
    assert!(server.is_sealed());
    assert_eq!(give(&server, &shares[..2], "").ok().json()["sealed"], json!(false));
    opens(&server);
}

#[test]
fn from_one_seal_to_another_also_when_the_old_one_is_lost() {
    for is_lost in [false, true] {
        let setup = Setup::embedded();
        let server = initialised(&setup.clone().with_top(&static_seal(&setup, "old", "")));
        let shares = server.keys.shares.clone();
        let mut both = setup.clone().with_top(&static_seal(&setup, "new", ""));
        if !is_lost {
            both = both.with_top(&static_seal(&setup, "old", "disabled = true"));
        }
        let server = restarted(&both, server);
        std::thread::sleep(Duration::from_millis(800));
        let shown = status(&server);
        assert_eq!((&shown["sealed"], &shown["migration"]), (&json!(true), &json!(true)));
        assert_eq!(give(&server, &shares[..2], "migrate").ok().json()["sealed"], json!(false));
        opens(&server);
        let only_new = setup.clone().with_top(&static_seal(&setup, "new", ""));
        let server = restarted(&only_new, server);
        opens(&server);
        assert_eq!(drill(&server, &shares[..2]).ok().json()["opens_store"], json!(true));
    }
}
