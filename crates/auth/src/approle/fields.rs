//! The endpoints of single fields of a role: `role/<name>/token-ttl` and its like, one row each in the table below.
//!
//! Each is the whole role's endpoint seen through a slit: reading shows the named fields of the role, writing is an update that
//! has only them, deleting is an update that sets them back.
use super::role::{Role, RoleName, RoleUpdate, RoleView};
use kw_engine::{
    Cidrs, Cx, Fault, FaultKind, Field, Name, Outcome, Reply, Request, Response, Routes, Ttl, Txn, View,
};
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// One field of a role, maybe with its old name.
trait OneField: Request + 'static {
    /// As the field is called, first by its present name.
    const NAMES: &'static [&'static str];
    fn role(&self) -> &Name;
    /// The update that a write makes; `None` if nothing is given.
    fn update(self) -> Option<RoleUpdate>;
    /// The update that a delete makes.
    fn cleared() -> RoleUpdate;
}

macro_rules! one_field {
    ($(#[$doc:meta])* $name:ident, $field:ident => $($at:ident).+: $type:ty = $empty:expr $(, $old:ident: $old_doc:literal)?) => {
        $(#[$doc])*
        #[derive(Request)]
        struct $name {
            /// Name of the role.
            #[capture]
            role_name: Name,
            $(#[$doc])*
            $field: Option<$type>,
            $(#[doc = $old_doc] $old: Option<$type>,)?
        }

        impl OneField for $name {
            const NAMES: &'static [&'static str] = &[stringify!($field) $(, stringify!($old))?];

            fn role(&self) -> &Name {
                &self.role_name
            }

            fn update(self) -> Option<RoleUpdate> {
                let given = self.$field.is_some() $(|| self.$old.is_some())?;
                let mut update = RoleUpdate::default();
                update.$($at).+ = self.$field;
                $(update.$old = self.$old;)?
                given.then_some(update)
            }

            fn cleared() -> RoleUpdate {
                let mut update = RoleUpdate::default();
                update.$($at).+ = Some($empty);
                update
            }
        }
    };
}

one_field! {
    /// The policies of the role's tokens.
    Policies, token_policies => token.token_policies: Vec<String> = Vec::new(), policies: "Old name of `token_policies`."
}
one_field! {
    /// Whether renewals always give this many seconds; 0: the tokens are not periodic.
    Period, token_period => token.token_period: Ttl = Ttl::ZERO, period: "Old name of `token_period`."
}
one_field! {
    /// How long the role's tokens live at first; 0: as the mount says.
    TokenTtl, token_ttl => token.token_ttl: Ttl = Ttl::ZERO
}
one_field! {
    /// The longest life of the role's tokens with renewals; 0: as the mount says.
    TokenMaxTtl, token_max_ttl => token.token_max_ttl: Ttl = Ttl::ZERO
}
one_field! {
    /// How many requests a token of the role is good for; 0: any number.
    TokenNumUses, token_num_uses => token.token_num_uses: i64 = 0
}
one_field! {
    /// Addresses and CIDR blocks that may use the role's tokens.
    TokenBoundCidrs, token_bound_cidrs => token.token_bound_cidrs: Cidrs = Cidrs::default()
}
one_field! {
    /// Whether a login must present a secret id.
    BindSecretId, bind_secret_id => bind_secret_id: bool = true
}
one_field! {
    /// How many logins a secret id of the role is good for; 0: any number.
    SecretIdNumUses, secret_id_num_uses => secret_id_num_uses: i64 = 0
}
one_field! {
    /// How long a secret id of the role is good for; 0: for ever.
    SecretIdTtl, secret_id_ttl => secret_id_ttl: Ttl = Ttl::ZERO
}
one_field! {
    /// Addresses and CIDR blocks that may log in.
    SecretIdBoundCidrs, secret_id_bound_cidrs => secret_id_bound_cidrs: Cidrs = Cidrs::default()
}
one_field! {
    /// Old name of `secret_id_bound_cidrs`.
    BoundCidrList, bound_cidr_list => bound_cidr_list: Cidrs = Cidrs::default()
}
one_field! {
    /// Whether secret ids are kept to this cluster. Set when the role is made and never after.
    LocalSecretIds, local_secret_ids => local_secret_ids: bool = false
}

/// Shows this field of a role.
#[derive(Request)]
struct ReadField {
    #[flatten]
    of: RoleName,
}

/// Sets this field of a role back to what a new role has.
#[derive(Request)]
struct ClearField {
    #[flatten]
    of: RoleName,
}

/// Adds the endpoints to the method's routes.
pub fn add_all(routes: Routes) -> Routes {
    let routes = add::<Policies>(routes, "role/{role_name}/policies");
    let routes = add::<Period>(routes, "role/{role_name}/period");
    let routes = add::<TokenTtl>(routes, "role/{role_name}/token-ttl");
    let routes = add::<TokenMaxTtl>(routes, "role/{role_name}/token-max-ttl");
    let routes = add::<TokenNumUses>(routes, "role/{role_name}/token-num-uses");
    let routes = add::<TokenBoundCidrs>(routes, "role/{role_name}/token-bound-cidrs");
    let routes = add::<BindSecretId>(routes, "role/{role_name}/bind-secret-id");
    let routes = add::<SecretIdNumUses>(routes, "role/{role_name}/secret-id-num-uses");
    let routes = add::<SecretIdTtl>(routes, "role/{role_name}/secret-id-ttl");
    let routes = add::<SecretIdBoundCidrs>(routes, "role/{role_name}/secret-id-bound-cidrs");
    let routes = add::<BoundCidrList>(routes, "role/{role_name}/bound-cidr-list");
    routes.at("role/{role_name}/local-secret-ids").read(read::<LocalSecretIds>)
}

fn add<F: OneField>(routes: Routes, pattern: &'static str) -> Routes {
    routes.at(pattern).read(read::<F>).write(write::<F>).delete(clear::<F>)
}

async fn read<F: OneField>(_: &Cx<'_>, view: View<'_>, q: ReadField) -> Result<Option<Shown<F>>, Fault> {
    Ok(Role::by_name(view, &q.of.role_name).await?.map(|role| Shown(role.view(), PhantomData)))
}

async fn write<F: OneField>(cx: &Cx<'_>, txn: Txn<'_>, q: F) -> Result<(), Fault> {
    let role = Role::need(txn.view(), q.role(), FaultKind::NotFound).await?;
    let name = F::NAMES.first().copied().unwrap_or_default();
    let update = q.update().ok_or_else(|| Fault::bad_request(format!("missing {name}")))?;
    role.change(cx, txn, update).await
}

async fn clear<F: OneField>(cx: &Cx<'_>, txn: Txn<'_>, q: ClearField) -> Result<(), Fault> {
    match Role::by_name(txn.view(), &q.of.role_name).await? {
        Some(role) => role.change(cx, txn, F::cleared()).await,
        None => Ok(()),
    }
}

/// The fields of a role that `F` names.
struct Shown<F>(RoleView, PhantomData<F>);

impl<F: OneField> Outcome for Shown<F> {
    fn fields(out: &mut Vec<Field>) {
        let mut all = Vec::new();
        RoleView::fields(&mut all);
        out.extend(all.into_iter().filter(|field| F::NAMES.contains(&field.name)));
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        let all = serde_json::to_value(self.0).map_err(Fault::internal)?;
        let named = F::NAMES.iter().filter_map(|name| Some(((*name).to_owned(), all.get(*name)?.clone())));
        Reply::data(&named.collect::<Map<String, Value>>())
    }
}
