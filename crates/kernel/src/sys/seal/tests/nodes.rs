//! Several nodes on one store: what one does with the keys, the others follow.
use super::*;
use kw_barrier::seal::{HANDOVER_ROW, KEYRING_ROW};

fn shared(inner: &Arc<MemoryStore>) -> Arc<Dying> {
    Arc::new(Dying::after(usize::MAX, inner.clone(), true))
}

/// Two open nodes.
async fn two() -> (Running, Running) {
    let inner = Arc::new(MemoryStore::new());
    let one = running_on(shared(&inner)).await;
    let kernel = kernel_on(shared(&inner));
    assert!(kernel.unseal_with_share(&one.share).await.unwrap());
    let two = Running { kernel, share: one.share.clone(), token: one.token.clone() };
    (one, two)
}

impl Running {
    /// Replaces the one share by another.
    async fn rekey(&mut self) {
        let (status, begun) = self.put("sys/rekey/init", json!({"secret_shares": 1, "secret_threshold": 1})).await;
        assert_eq!(status, 200, "{begun}");
        let body = json!({"key": self.share, "nonce": begun["nonce"]});
        let (status, done) = self.put("sys/rekey/update", body).await;
        assert_eq!(status, 200, "{done}");
        self.share = done["keys"][0].as_str().unwrap().to_owned();
    }

    async fn looks_up_its_token(&self) -> u16 {
        self.call(Method::Get, "auth/token/lookup-self", "").await.status
    }
}

#[test]
fn a_rotation_is_followed_before_the_next_answer() {
    on_a_loop(async || {
        let (one, two) = two().await;
        for term in 2..5 {
            assert_eq!(one.put("sys/rotate", json!({})).await.0, 204);
            one.note("a", "new").await.unwrap();
            assert_eq!(two.looks_up_its_token().await, 200);
            assert_eq!(two.kernel.barrier.status().unwrap().term, term);
            assert_eq!(two.noted("a").await.as_deref(), Some("new"));
        }
    });
}

#[test]
fn a_rekeying_is_followed_and_two_missed_ones_seal() {
    on_a_loop(async || {
        let (mut one, mut two) = two().await;
        one.rekey().await;
        assert_eq!(two.looks_up_its_token().await, 200);
        // And the other way, with the shares that are in force now.
        two.share = one.share.clone();
        two.rekey().await;
        assert_eq!(one.looks_up_its_token().await, 200);
        one.share = two.share.clone();
        one.rekey().await;
        one.rekey().await;
        assert_eq!(two.looks_up_its_token().await, 503);
        assert!(two.kernel.is_sealed());
        assert!(two.kernel.unseal_with_share(&one.share).await.unwrap());
        assert_eq!(two.looks_up_its_token().await, 200);
    });
}

#[test]
fn a_keyring_that_was_put_back_seals() {
    on_a_loop(async || {
        let (one, two) = two().await;
        let older = one.kernel.core_row(KEYRING_ROW).await.unwrap().unwrap();
        assert_eq!(one.put("sys/rotate", json!({})).await.0, 204);
        assert_eq!(two.looks_up_its_token().await, 200);
        let core = one.kernel.core_txn();
        core.scoped(crate::rows::CORE).put_bytes(KEYRING_ROW, older);
        core.commit().await.unwrap();
        assert_eq!(two.looks_up_its_token().await, 503);
        assert!(two.kernel.is_sealed());
    });
}

#[test]
fn a_handover_is_of_no_use_to_whoever_has_only_the_store() {
    on_a_loop(async || {
        let (mut one, two) = two().await;
        // A handover and a keyring of somebody else's lead a node to nothing but its seal.
        let (mut foreign, _other) = self::two().await;
        one.rekey().await;
        foreign.rekey().await;
        let core = one.kernel.core_txn();
        for row in [HANDOVER_ROW, KEYRING_ROW] {
            let content = foreign.kernel.core_row(row).await.unwrap().unwrap();
            core.scoped(crate::rows::CORE).put_bytes(row, content);
        }
        core.commit().await.unwrap();
        assert_eq!(two.looks_up_its_token().await, 503);
        assert!(two.kernel.is_sealed());
    });
}
