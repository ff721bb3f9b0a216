//! Generated passwords, by rules that operators write at `sys/policies/password`.
use crate::kernel::Kernel;
use crate::rows::PASSWORD_POLICIES;
use kw_policy::PasswordPolicy;
use kw_types::{Fault, Name, Secret};
use serde::{Deserialize, Serialize};

/// A password policy as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PasswordPolicyRow {
    pub text: String,
}

/// A password by the policy of this name. Errors: 400 when there is none.
pub(crate) async fn generate(kernel: &Kernel, name: &str) -> Result<Secret<String>, Fault> {
    let absent = || Fault::bad_request("there is no password policy of this name: see sys/policies/password");
    let name = Name::fold(name).map_err(|_| absent())?;
    made(kernel, &name).await?.ok_or_else(absent)
}

/// A password by the policy of this name; `None` when there is none.
pub(crate) async fn made(kernel: &Kernel, name: &Name) -> Result<Option<Secret<String>>, Fault> {
    let Some(row) = kernel.view(PASSWORD_POLICIES).get::<PasswordPolicyRow>(name.as_str()).await? else {
        return Ok(None);
    };
    let policy = PasswordPolicy::parse(&row.text)
        .map_err(|e| Fault::internal(format_args!("stored password policy {:?}: {e}", name.as_str())))?;
    Ok(Some(policy.generate(kernel.rng.as_ref())))
}
