//! Asking a person for a secret, without showing it.
use crate::call::Call;
use crate::data::read_input;
use crate::failure::Failure;
use kw_types::Secret;

impl Call<'_, '_> {
    /// A secret that was given as an argument: `-` reads it from standard input, nothing asks for it at the terminal.
    ///
    /// `what` names it in the prompt and in the error ("Unseal Key", "Password").
    pub(crate) fn secret_argument(&mut self, given: Option<String>, what: &str) -> Result<Secret<String>, Failure> {
        match given.as_deref() {
            Some("-") => {
                let text = Secret::new(read_input(self.terminal.input, what)?);
                let trimmed = text.expose().trim().to_owned();
                not_empty(Secret::new(trimmed), what)
            }
            Some(_) => Ok(Secret::new(given.unwrap_or_default())),
            None => self.ask(what),
        }
    }

    /// Asks at the terminal.
    pub(crate) fn ask(&mut self, what: &str) -> Result<Secret<String>, Failure> {
        if !self.may_ask() {
            return Err(Failure::local(format!(
                "{what} is missing, and there is no terminal to ask at. Give it as an argument, or `-` to read it from standard input."
            )));
        }
        // The prompt goes beside the answers, so that they can be piped.
        let _best_effort =
            write!(self.terminal.errors, "{what} (will be hidden): ").and_then(|()| self.terminal.errors.flush());
        let typed = rpassword::read_password().map(Secret::new);
        let _best_effort = writeln!(self.terminal.errors);
        let typed = typed.map_err(|e| Failure::local(format!("Cannot read {what} from the terminal: {e}")))?;
        not_empty(Secret::new(typed.expose().trim().to_owned()), what)
    }
}

fn not_empty(secret: Secret<String>, what: &str) -> Result<Secret<String>, Failure> {
    if secret.expose().is_empty() { Err(Failure::local(format!("{what} is empty."))) } else { Ok(secret) }
}
