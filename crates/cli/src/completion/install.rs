//! Putting completion into the files that shells read when they start.
use super::Shell;
use crate::failure::Failure;
use crate::{Brand, Environment};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Adds one line to the files of each shell that the user has.
pub(crate) fn install(brand: Brand, env: &Environment) -> Result<String, Failure> {
    let mut done = Vec::new();
    for (shell, path) in places(brand, env)? {
        let line = line(shell, brand);
        let before = read(&path)?;
        if before.lines().any(|l| l == line) {
            continue;
        }
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        write(&path, &format!("{before}{gap}{line}\n"))?;
        done.push(path.display().to_string());
    }
    Ok(match done.is_empty() {
        true => "Completion is installed already.".to_owned(),
        false => format!("Completion is installed in {}. Open a new shell to use it.", done.join(", ")),
    })
}

/// Takes that line out again.
pub(crate) fn uninstall(brand: Brand, env: &Environment) -> Result<String, Failure> {
    for (shell, path) in places(brand, env)? {
        let line = line(shell, brand);
        let before = read(&path)?;
        if before.lines().any(|l| l == line) {
            let after: String = before.lines().filter(|l| *l != line).map(|l| format!("{l}\n")).collect();
            write(&path, &after)?;
        }
    }
    Ok("Completion is removed.".to_owned())
}

fn line(shell: Shell, brand: Brand) -> String {
    let program = brand.program();
    match shell {
        Shell::Bash | Shell::Zsh => format!("source <({program} completion {})", shell.name()),
        Shell::Fish => format!("{program} completion fish | source"),
    }
}

/// bash always; zsh and fish where their files or folders are there.
fn places(brand: Brand, env: &Environment) -> Result<Vec<(Shell, PathBuf)>, Failure> {
    let home = env.other("HOME").map(PathBuf::from);
    let home = home.ok_or_else(|| Failure::local("There is no home directory to install completion in: set HOME."))?;
    let config = env.other("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let mut places = vec![(Shell::Bash, home.join(".bashrc"))];
    if home.join(".zshrc").exists() {
        places.push((Shell::Zsh, home.join(".zshrc")));
    }
    if config.join("fish").is_dir() {
        places.push((Shell::Fish, config.join("fish/completions").join(format!("{}.fish", brand.program()))));
    }
    Ok(places)
}

fn read(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Failure::local(format!("Cannot read {}: {e}", path.display()))),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text))
        .map_err(|e| Failure::local(format!("Cannot write {}: {e}", path.display())))
}
