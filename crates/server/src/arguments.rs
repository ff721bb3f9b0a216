//! The flags of `keywright server`.
use kw_cli::Environment;
use std::path::PathBuf;

/// What was asked on the command line and by the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub configs: Vec<PathBuf>,
    pub dev: bool,
    pub dev_root_token: Option<String>,
    pub dev_listen: String,
    /// Speak TLS in development.
    pub dev_tls: bool,
    /// Where to put what TLS needs; a folder for temporary files if not said.
    pub dev_tls_dir: Option<PathBuf>,
    /// Further names for the certificate.
    pub dev_tls_names: Vec<String>,
    /// Keep the development server's data in this directory.
    pub dev_persist: Option<PathBuf>,
    pub dev_no_store_token: bool,
    pub dev_no_kv: bool,
    pub log_level: Option<String>,
    pub log_format: Option<String>,
    pub log_file: Option<PathBuf>,
    /// Event loops; one for each processor if not said.
    pub threads: Option<usize>,
}

impl Arguments {
    /// Reads flags with one or two dashes, `-name=value` or `-name value`. Errors: what is wrong and what to do.
    pub fn parse(args: &[String], env: &Environment) -> Result<Self, String> {
        let mut out = Self { dev_listen: "127.0.0.1:8200".to_owned(), ..Self::default() };
        out.dev_root_token = env.own("DEV_ROOT_TOKEN_ID").map(str::to_owned);
        out.log_level = env.own("LOG_LEVEL").map(str::to_owned);
        out.log_format = env.own("LOG_FORMAT").map(str::to_owned);
        out.log_file = env.own("LOG_FILE").map(PathBuf::from);
        if let Some(address) = env.own("DEV_LISTEN_ADDRESS") {
            out.dev_listen = address.to_owned();
        }
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
            let name = name.ok_or_else(|| format!("unexpected argument {arg:?}: flags begin with a dash"))?;
            let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v.to_owned())));
            out.take(name, value, &mut rest)?;
        }
        out.check()
    }

    fn take(
        &mut self,
        name: &str,
        value: Option<String>,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        let flag = || match value.as_deref() {
            None | Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(format!("-{name} takes no value, or true or false")),
        };
        let mut text =
            || value.clone().or_else(|| rest.next().cloned()).ok_or_else(|| format!("-{name} needs a value"));
        match name {
            "config" => self.configs.push(text()?.into()),
            "dev" => self.dev = flag()?,
            "dev-root-token-id" => (self.dev, self.dev_root_token) = (true, Some(text()?)),
            "dev-listen-address" => (self.dev, self.dev_listen) = (true, text()?),
            "dev-tls" => (self.dev, self.dev_tls) = (true, flag()?),
            "dev-tls-cert-dir" => self.dev_tls_dir = Some(text()?.into()),
            "dev-tls-san" => self.dev_tls_names.push(text()?),
            "dev-persist" => (self.dev, self.dev_persist) = (true, Some(text()?.into())),
            "dev-no-store-token" => self.dev_no_store_token = flag()?,
            "dev-no-kv" => self.dev_no_kv = flag()?,
            "log-level" => self.log_level = Some(text()?),
            "log-format" => self.log_format = Some(text()?),
            "log-file" => self.log_file = Some(text()?.into()),
            "threads" => {
                self.threads = Some(text()?.parse().ok().filter(|n| *n > 0).ok_or("-threads needs a number from 1")?)
            }
            "exit-on-core-shutdown" | "recovery" => {
                return Err(format!("-{name} does not exist here: every node serves, and there is no recovery mode"));
            }
            _ => return Err(format!("unknown flag -{name}; see `server -help`")),
        }
        Ok(())
    }

    fn check(self) -> Result<Self, String> {
        if !self.dev && self.configs.is_empty() {
            return Err("nothing to start from: give -config=FILE, or -dev for a server in development mode".to_owned());
        }
        if self.dev_root_token.as_ref().is_some_and(|t| t.is_empty()) {
            return Err("-dev-root-token-id must not be empty".to_owned());
        }
        Ok(self)
    }
}
