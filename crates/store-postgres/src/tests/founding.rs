use super::cluster::Cluster;
use super::*;
use futures_util::future::join_all;

async fn refusal(cluster: &Cluster, table: &str) -> OpenError {
    match open(&options(&cluster.url(), table)).await {
        Ok(_) => unreachable!("opened {table}"),
        Err(e) => e,
    }
}

#[tokio::test]
async fn nodes_may_found_it_together() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.url();
    let stores = join_all((0..6).map(|_| open_at(&url, "rows"))).await;
    for (i, store) in stores.iter().enumerate() {
        assert_eq!(blind(store.as_ref(), vec![put("a", i.to_string())]).await, Revision(i as u64 + 1));
    }
}

#[tokio::test]
async fn what_is_not_ours_is_refused() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("CREATE TABLE theirs (parent_path text, key text, value bytea)").await;
    let error = refusal(&cluster, "theirs").await;
    assert!(matches!(&error, OpenError::Foreign(table) if table.contains("theirs")), "{error}");
    cluster.sql("CREATE TABLE other (a int); CREATE TABLE other_meta (a int)").await;
    assert!(matches!(refusal(&cluster, "other").await, OpenError::Foreign(_)));
    let store = open_at(&cluster.url(), "rows").await;
    store.close().await.unwrap();
    cluster.sql("UPDATE rows_meta SET format = 2").await;
    let error = refusal(&cluster, "rows").await;
    assert!(matches!(error, OpenError::Newer { found: 2, .. }));
    assert!(error.to_string().contains("newer version"));
    for table in ["", "a-b", "a.b.c", "\"", "x;y", &"x".repeat(41)] {
        assert!(matches!(refusal(&cluster, table).await, OpenError::Option(_)), "{table}");
    }
}

#[tokio::test]
async fn tables_may_be_made_by_an_administrator() {
    let Some(cluster) = Cluster::start() else { return };
    let sql = crate::sql::Sql::new("rows").unwrap();
    cluster.sql(&sql.create()).await;
    cluster.sql("CREATE ROLE app LOGIN PASSWORD 'app'; REVOKE CREATE ON SCHEMA public FROM public").await;
    cluster.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON rows, rows_meta, rows_changes TO app").await;
    let url = cluster.url().replace("kw:not-a-secret", "app:app");
    let store = open_at(&url, "rows").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    let Err(error) = open(&options(&url, "others")).await else { unreachable!("made tables without the right to") };
    assert!(error.to_string().contains("42501"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_not_repeated() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.url().replace("not-a-secret", "LEAKME");
    let Err(error) = open(&options(&url, "rows")).await else { unreachable!("opened with a wrong password") };
    assert!(error.to_string().contains("28P01"), "{error}");
    assert!(!format!("{error} {error:?}").contains("LEAKME"));
}
