//! `identity/lookup`: finding an entity or a group by what is known of it.
use super::super::{entities, groups, rows};
use super::{entity, group, group_alias};
use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Body, Data, Outcome, Reply};
use kw_schema::{Request, Response};
use kw_store::View;
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("lookup/entity").write(lookup_entity).at("lookup/group").write(lookup_group)
}

/// Finds by one of: the name, the id, the id of an alias, or the name of an alias with its mount.
#[derive(Request)]
struct Lookup {
    /// The name.
    name: String,
    /// The id.
    id: String,
    /// The id of an alias.
    alias_id: String,
    /// The name of an alias.
    alias_name: String,
    /// The mount of that alias.
    alias_mount_accessor: String,
}

/// What a look-up goes by.
#[derive(Clone, Copy)]
enum By<'a> {
    Name(&'a str),
    Id(&'a str),
    AliasId(&'a str),
    Alias { name: &'a str, accessor: &'a str },
}

impl Lookup {
    fn by(&self) -> Result<By<'_>, Fault> {
        let alias = match (self.alias_name.as_str(), self.alias_mount_accessor.as_str()) {
            ("", "") => None,
            ("", _) | (_, "") => {
                return Err(Fault::bad_request("both 'alias_name' and 'alias_mount_accessor' needs to be set"));
            }
            (name, accessor) => Some(By::Alias { name, accessor }),
        };
        let given = |text: &str| !text.is_empty();
        let mut ways = [
            given(&self.name).then_some(By::Name(&self.name)),
            given(&self.id).then_some(By::Id(&self.id)),
            given(&self.alias_id).then_some(By::AliasId(&self.alias_id)),
            alias,
        ]
        .into_iter()
        .flatten();
        match (ways.next(), ways.next()) {
            (Some(by), None) => Ok(by),
            (None, _) => Err(Fault::bad_request("query parameter not supplied")),
            (Some(_), Some(_)) => {
                Err(Fault::bad_request("query parameter conflict; please supply distinct set of query parameters"))
            }
        }
    }
}

async fn lookup_entity(call: &Call<'_>, ask: Lookup) -> Result<Reply, Fault> {
    let of_alias = |alias: Option<rows::AliasRow>| alias.map(|a| a.canonical_id);
    let by = ask.by()?;
    let read = async |view: View<'_>| {
        let id = match by {
            By::Name(name) => entities::by_name(view, name).await?.map(|row| row.id),
            By::Id(id) => Some(id.to_owned()),
            By::AliasId(id) => of_alias(view.get(&rows::alias(id)).await?),
            By::Alias { name, accessor } => of_alias(entities::alias_by_name(view, accessor, name).await?),
        };
        match id {
            Some(id) => entities::get(view, &id).await,
            None => Ok(None),
        }
    };
    let row = call.kernel.look(IDENTITY, read).await?;
    found(entity::shown(call, row).await?)
}

async fn lookup_group(call: &Call<'_>, ask: Lookup) -> Result<Reply, Fault> {
    let by = ask.by()?;
    let read = async |view: View<'_>| match by {
        By::Name(name) => groups::by_name(view, name).await,
        By::Id(id) => groups::get(view, id).await,
        By::AliasId(id) => group_alias::of_alias(view, id).await,
        By::Alias { name, accessor } => groups::by_pointer(view, &rows::group_alias_key(accessor, name)).await,
    };
    let row = call.kernel.look(IDENTITY, read).await?;
    found(group::shown(call, row).await?)
}

/// Nothing found is 204, not 404.
fn found<T: Response>(shown: Option<Data<T>>) -> Result<Reply, Fault> {
    match shown {
        Some(data) => data.into_reply(),
        None => Ok(Reply::new(Body::Empty)),
    }
}
