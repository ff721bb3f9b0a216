//! Logins that run at the same time, in any interleaving: `secret_id_num_uses` of them succeed.
use crate::approle::issue::{Custom, Terms, custom};
use crate::approle::login::{Credentials, login, Known};
use crate::approle::role::{RoleUpdate, RoleWrite, write};
use kw_engine::{
    Cidrs, Clock, Cx, CxParts, Fault, KeyValues, Keyed, LoginOutcome, Mount, MountConfig, Name, Rng, Secret, Time, Ttl,
    Txn,
};
use kw_store::{Clear, MemoryStore, StoreError, TxnCore};
use kw_types::MountPath;
use proptest::prelude::*;

/// Time that stands, chance that counts, hashes that do not hash.
struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_seconds(1)
    }
}

impl Rng for Still {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

impl Keyed for Still {
    fn mac(&self, _: &str, _: &[u8]) -> Result<[u8; 32], Fault> {
        Ok([7; 32])
    }
}

fn mount() -> Mount {
    Mount {
        path: MountPath::parse("auth/approle").unwrap(),
        kind: "approle".to_owned(),
        description: String::new(),
        uuid: "u".to_owned(),
        accessor: "a".to_owned(),
        options: std::collections::BTreeMap::new(),
        config: MountConfig::default(),
        local: false,
        seal_wrap: false,
        external_entropy_access: false,
        auth: true,
        tainted: false,
    }
}

fn cx(mount: &Mount) -> Cx<'_> {
    let hour = Ttl::from_hours(1);
    Cx::from(CxParts {
        clock: &Still,
        rng: &Still,
        keyed: &Still,
        mount,
        caller: None,
        remote: None,
        path: "",
        default_ttl: hour,
        max_ttl: hour,
    })
}

async fn prepare(cx: &Cx<'_>, txn: Txn<'_>, uses: i64) {
    let name = || Name::fold("r").unwrap();
    let update =
        RoleUpdate { role_id: Some("id".to_owned()), secret_id_num_uses: Some(uses), ..RoleUpdate::default() };
    write(cx, txn, RoleWrite { role_name: name(), update }).await.unwrap();
    let terms = Terms {
        metadata: KeyValues::default(),
        cidr_list: Cidrs::default(),
        token_bound_cidrs: Cidrs::default(),
        num_uses: None,
        ttl: None,
    };
    custom(cx, txn, Custom { role_name: name(), secret_id: "s".to_owned().into(), terms }).await.unwrap();
}

/// A login as the kernel runs it: the handler, then (at some later time) the commit, then all of it again after a conflict.
enum Worker<'a> {
    Waiting,
    Ran { core: TxnCore<'a>, granted: bool },
    Done { granted: bool },
}

async fn step<'a>(
    worker: Worker<'a>,
    store: &'a MemoryStore,
    known: &Known,
    cx: &Cx<'_>,
    token_row: &str,
) -> Worker<'a> {
    match worker {
        Worker::Waiting => {
            let core = TxnCore::new(store, &Clear);
            let credentials = Credentials { role_id: "id".to_owned(), secret_id: Secret::new("s".to_owned()) };
            let login = login(known, cx, core.scoped(""), credentials).await.unwrap();
            let granted = matches!(login.outcome, LoginOutcome::Granted(_));
            if granted {
                core.scoped("").put_bytes(token_row, vec![1]);
            }
            Worker::Ran { core, granted }
        }
        Worker::Ran { core, granted } => match core.commit().await {
            Ok(_) => Worker::Done { granted },
            Err(StoreError::Conflict) => Worker::Waiting,
            Err(other) => panic!("{other:?}"),
        },
        done @ Worker::Done { .. } => done,
    }
}

async fn race(uses: i64, workers: usize, schedule: &[usize]) -> usize {
    let (store, known, mount) = (MemoryStore::new(), Known::default(), mount());
    let cx = cx(&mount);
    let core = TxnCore::new(&store, &Clear);
    prepare(&cx, core.scoped(""), uses).await;
    core.commit().await.unwrap();

    let mut all: Vec<Worker<'_>> = (0..workers).map(|_| Worker::Waiting).collect();
    // After the schedule everybody is driven to the end, one after the other: two steps each, as nobody interferes any more.
    let tail = (0..workers).flat_map(|at| [at; 4]);
    for at in schedule.iter().map(|at| at % workers).chain(tail) {
        let worker = std::mem::replace(&mut all[at], Worker::Waiting);
        all[at] = step(worker, &store, &known, &cx, &format!("token{at}")).await;
    }
    all.iter().filter(|w| matches!(w, Worker::Done { granted: true })).count()
}

proptest! {
    #[test]
    fn as_many_logins_succeed_as_there_are_uses(
        uses in 0_i64..6,
        workers in 1_usize..8,
        schedule in prop::collection::vec(0_usize..8, 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let granted = runtime.block_on(race(uses, workers, &schedule));
        let want = if uses == 0 { workers } else { workers.min(uses as usize) };
        prop_assert_eq!(granted, want);
    }
}
