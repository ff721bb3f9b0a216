//! The transit engine of another server, and several seals together.
use super::stand_in::{StandIn, TOKEN};
use super::*;

#[test]
fn another_server_opens_the_store_and_may_be_away_for_a_while() {
    let other = StandIn::new();
    let setup = Setup::embedded().with_top(&other.seal("far", ""));
    let server = initialised(&setup);
    let since = Instant::now();
    while other.renewals() == 0 {
        assert!(since.elapsed() < OPENING_TIME, "the token was not renewed");
        std::thread::sleep(Duration::from_millis(50));
    }
    other.set_away(true);
    let server = restarted(&setup, server);
    stays_sealed(&server, "it answered 503: Vault is sealed");
    other.set_away(false);
    opens(&server);
    // A rotated key of the other server is taken up, and the old version still opens.
    other.rotate();
    let server = restarted(&setup, server);
    opens(&server);
    let since = Instant::now();
    while !server.log().contains("encrypted anew by the seals") {
        assert!(since.elapsed() < OPENING_TIME, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let backends = server.nobody().get("sys/seal-backend-status").ok().json();
    assert_eq!(backends["backends"][0]["key_id"], json!("unseal:v2"));
    assert!(!server.log().contains(TOKEN), "the token is in the log");
}

#[test]
fn of_several_seals_each_opens_the_store() {
    let (other, setup) = (StandIn::new(), Setup::embedded());
    let local = static_seal(&setup, "near", "priority = \"2\"");
    let both = setup.clone().with_top(&other.seal("far", "priority = 1")).with_top(&local);
    // The first one is away at the beginning: the second one carries it, and the first joins later.
    other.set_away(true);
    let server = initialised(&both);
    assert_eq!(status(&server)["type"], json!("multiseal"));
    let backends = || server.nobody().get("sys/seal-backend-status").ok().json();
    let shown = backends();
    assert_eq!((&shown["healthy"], &shown["not_wrapped"]), (&json!(false), &json!(["far"])));
    assert!(shown["backends"][0]["unhealthy_since"].is_string(), "{shown}");
    other.set_away(false);
    let server = restarted(&both, server);
    opens(&server);
    let backends = || server.nobody().get("sys/seal-backend-status").ok().json();
    let since = Instant::now();
    while backends()["fully_wrapped"] != json!(true) {
        assert!(since.elapsed() < OPENING_TIME, "{}", backends());
        std::thread::sleep(Duration::from_millis(50));
    }
    // Now the first one is enough, as the second one was.
    std::fs::write(setup.path("near.key"), "x".repeat(32)).unwrap();
    let server = restarted(&both, server);
    opens(&server);
    std::fs::write(setup.path("near.key"), "near".repeat(8)).unwrap();
    other.set_away(true);
    let server = restarted(&both, server);
    opens(&server);
    // A seal that is taken out does not open the store any more.
    other.set_away(false);
    let before = rewraps(&server);
    let server = restarted(&setup.clone().with_top(&other.seal("far", "")), server);
    opens(&server);
    let since = Instant::now();
    while rewraps(&server) == before {
        assert!(since.elapsed() < OPENING_TIME, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let server = restarted(&setup.clone().with_top(&local), server);
    std::thread::sleep(Duration::from_secs(2));
    assert!(server.is_sealed());
    assert_eq!(status(&server)["migration"], json!(true));
}

fn rewraps(server: &Server) -> usize {
    server.log().matches("encrypted anew by the seals").count()
}
