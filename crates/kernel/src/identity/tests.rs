use super::rows::{self, AliasRow, GroupRow, GroupType};
use super::{EntityFacts, at_login, entities, groups, join_groups, merge, names};
use crate::rows::IDENTITY;
use crate::{Kernel, KernelParts, Registry, Settings};
use kw_barrier::SystemRng;
use kw_engine::{Alias, Mount};
use kw_store::{MemoryStore, StoreError, Txn};
use kw_types::{Fault, MountPath, SystemClock, Ttl};
use std::sync::Arc;

async fn open() -> Kernel {
    let settings = Settings {
        version: String::new(),
        api_version: String::new(),
        build_date: String::new(),
        cluster_name: String::new(),
        api_addr: String::new(),
        cluster_addr: String::new(),
        default_lease_ttl: Ttl::from_hours(768),
        max_lease_ttl: Ttl::from_hours(768),
        raw_storage: false,
        audit_by_api: true,
        audit_devices: Vec::new(),
        lockouts: Default::default(),
        sanitized: serde_json::Value::Null,
        log_level: String::new(),
    };
    let kernel = Kernel::new(KernelParts {
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
        registry: Registry::default(),
        settings,
    });
    kernel.start_dev(&[], None).await.unwrap();
    kernel
}

async fn change<T>(kernel: &Kernel, work: impl AsyncFn(Txn<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    kernel.transact(async |txn| work(txn.rescoped(IDENTITY)).await).await
}

async fn entity(kernel: &Kernel, name: &str) -> String {
    change(kernel, async |txn| Ok(entities::create(kernel, txn, name).await?.id)).await.unwrap()
}

async fn group(kernel: &Kernel, name: &str, entities: &[&str], below: &[&str]) -> String {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    change(kernel, async |txn| {
        let mut row = groups::create(kernel, txn, name, GroupType::Internal).await?;
        groups::set_entities(txn, &mut row, owned(entities)).await?;
        groups::set_groups(txn, &mut row, owned(below)).await?;
        groups::put(kernel, txn, &mut row)?;
        Ok(row.id)
    })
    .await
    .unwrap()
}

async fn load(kernel: &Kernel, id: &str) -> GroupRow {
    groups::get(kernel.view(IDENTITY), id).await.unwrap().unwrap()
}

fn mount(kernel: &Kernel) -> Mount {
    kernel.new_mount(MountPath::parse("auth/oidc").unwrap(), "oidc", "", std::collections::BTreeMap::new())
}

#[test]
fn root_is_refused_in_every_spelling() {
    for name in ["root", "ROOT", " root", "root\t", "Root "] {
        assert!(names::fold_policies(&["default".to_owned(), name.to_owned()]).is_err(), "{name:?}");
    }
    let folded = names::fold_policies(&["B".to_owned(), " a ".to_owned(), "b".to_owned(), "rooted".to_owned()]);
    assert_eq!(folded.unwrap(), ["a", "b", "rooted"]);
}

#[test]
fn names_that_look_alike_are_one_or_refused() {
    assert_eq!(names::fold("Platform Team").unwrap(), names::fold("platform team").unwrap());
    for name in ["", " a", "a ", "a  b", "a\u{a0}b", "\u{430}dmin", "a\u{ad}b", "a\nb", "a*"] {
        assert!(names::fold(name).is_err(), "{name:?}");
    }
    assert_eq!(names::fold_alias("Ann@Example.COM"), "ann@example.com");
    assert!(names::check_alias("CN=Émile,OU=Domain Users").is_ok());
    for name in ["", " a", "a\u{202e}b", "a\u{200b}b"] {
        assert!(names::check_alias(name).is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn two_requests_cannot_make_a_circle_together() {
    let kernel = open().await;
    let (a, b) = (group(&kernel, "a", &[], &[]).await, group(&kernel, "b", &[], &[]).await);
    let (left, right) = (kernel.txn(), kernel.txn());
    for (core, outer, inner) in [(&left, &a, &b), (&right, &b, &a)] {
        let txn = core.scoped(IDENTITY);
        let mut row = groups::get(txn.view(), outer).await.unwrap().unwrap();
        groups::set_groups(txn, &mut row, vec![inner.clone()]).await.unwrap();
        groups::put(&kernel, txn, &mut row).unwrap();
    }
    left.commit().await.unwrap();
    assert_eq!(right.commit().await.unwrap_err(), StoreError::Conflict);
    let again = change(&kernel, async |txn| {
        let mut row = groups::get(txn.view(), &b).await?.unwrap();
        groups::set_groups(txn, &mut row, vec![a.clone()]).await
    });
    assert_eq!(again.await.unwrap_err().kind().status(), 400);
}

#[tokio::test]
async fn no_group_keeps_an_entity_that_is_deleted_meanwhile() {
    let kernel = open().await;
    let team = group(&kernel, "team", &[], &[]).await;
    for deletion_is_first in [true, false] {
        let ann = entity(&kernel, "ann").await;
        let (joining, deleting) = (kernel.txn(), kernel.txn());
        let txn = joining.scoped(IDENTITY);
        let mut row = groups::get(txn.view(), &team).await.unwrap().unwrap();
        groups::set_entities(txn, &mut row, vec![ann.clone()]).await.unwrap();
        groups::put(&kernel, txn, &mut row).unwrap();
        let txn = deleting.scoped(IDENTITY);
        let row = entities::get(txn.view(), &ann).await.unwrap().unwrap();
        entities::delete(&kernel, txn, &row).await.unwrap();
        let (first, second) = if deletion_is_first { (deleting, joining) } else { (joining, deleting) };
        first.commit().await.unwrap();
        assert_eq!(second.commit().await.unwrap_err(), StoreError::Conflict);
        // What a request does then: again, on what is there now.
        change(&kernel, async |txn| match entities::get(txn.view(), &ann).await? {
            Some(row) => entities::delete(&kernel, txn, &row).await,
            None => Ok(()),
        })
        .await
        .unwrap();
        assert!(load(&kernel, &team).await.member_entity_ids.is_empty());
        assert!(EntityFacts::load(kernel.view(IDENTITY), &ann).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn tokens_of_merged_entities_follow_and_lose_the_policies_of_the_source() {
    let kernel = open().await;
    let (a, b, c) = (entity(&kernel, "a").await, entity(&kernel, "b").await, entity(&kernel, "c").await);
    change(&kernel, async |txn| {
        let mut row = entities::get(txn.view(), &a).await?.unwrap();
        row.policies = vec!["strong".to_owned()];
        entities::put(txn, &row)
    })
    .await
    .unwrap();
    let team = group(&kernel, "team", &[&a], &[]).await;
    change(&kernel, async |txn| merge::merge(&kernel, txn, std::slice::from_ref(&a), &b, &[]).await).await.unwrap();
    change(&kernel, async |txn| merge::merge(&kernel, txn, std::slice::from_ref(&b), &c, &[]).await).await.unwrap();
    for id in [&a, &b, &c] {
        let facts = kernel.identities.facts(&kernel, id).await.unwrap().unwrap();
        assert_eq!((facts.entity.id.as_str(), facts.policies().len()), (c.as_str(), 0));
        assert_eq!(facts.direct.iter().map(|g| g.id.as_str()).collect::<Vec<_>>(), [team.as_str()]);
    }
    assert_eq!(load(&kernel, &team).await.member_entity_ids, std::slice::from_ref(&c));
    // Names of the merged are free again, and with the heir goes everybody.
    entity(&kernel, "a").await;
    change(&kernel, async |txn| {
        let row = entities::get(txn.view(), &c).await?.unwrap();
        entities::delete(&kernel, txn, &row).await
    })
    .await
    .unwrap();
    for id in [&a, &b, &c] {
        assert!(kernel.identities.facts(&kernel, id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn logins_of_all_spellings_are_one_entity_and_join_and_leave_external_groups() {
    let kernel = open().await;
    let mount = mount(&kernel);
    let outer = change(&kernel, async |txn| {
        let mut row = groups::create(&kernel, txn, "admins", GroupType::External).await?;
        let alias = AliasRow { id: "x".to_owned(), mount_accessor: mount.accessor.clone(), ..AliasRow::default() };
        txn.put_bytes(&rows::group_alias_key(&mount.accessor, "Admins"), row.id.clone());
        row.alias = Some(AliasRow { name: "Admins".to_owned(), ..alias });
        groups::put(&kernel, txn, &mut row)?;
        Ok(row.id)
    })
    .await
    .unwrap();
    let above = group(&kernel, "above", &[], &[&outer]).await;
    let login = async |name: &str, named: &[&str]| {
        let alias = Alias { name: name.to_owned(), ..Alias::default() };
        let named: Vec<String> = named.iter().map(|n| (*n).to_owned()).collect();
        let id = kernel.transact(async |txn| {
            let id = at_login(&kernel, txn, &mount, &alias).await?.id;
            join_groups(&kernel, txn, &mount, &id, &named).await?;
            Ok(id)
        });
        let id = id.await.unwrap();
        let facts = kernel.identities.facts(&kernel, &id).await.unwrap().unwrap();
        (id, facts.groups().map(|g| g.id.clone()).collect::<Vec<_>>())
    };
    let (first, none) = login("Ann", &["others"]).await;
    assert!(none.is_empty());
    let (second, joined) = login("ann", &["admins", "ADMINS"]).await;
    assert_eq!((&second, joined), (&first, vec![outer.clone(), above]));
    assert_eq!(load(&kernel, &outer).await.member_entity_ids, std::slice::from_ref(&first));
    let (third, left) = login("ANN", &[]).await;
    assert_eq!((third, left.len()), (first, 0));
    assert!(load(&kernel, &outer).await.member_entity_ids.is_empty());
}
