//! Completion in three shells, made from the declarations.
mod install;

pub(crate) use install::{install, uninstall};

use crate::Brand;
use crate::commands;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A shell that we can complete in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(crate) const ALL: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == text)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// The script for a shell.
pub(crate) fn script(shell: Shell, brand: Brand) -> String {
    let program = brand.program();
    match shell {
        Shell::Bash => bash(program),
        // zsh runs bash's completion functions; one script to keep right instead of two.
        Shell::Zsh => format!(
            "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n{}",
            bash(program)
        ),
        Shell::Fish => fish(program),
    }
}

/// For each beginning of a command (none, `kv`, `kv metadata`) the words that may follow.
fn next_words() -> BTreeMap<String, Vec<&'static str>> {
    let mut next: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for command in commands::all() {
        let mut before = String::new();
        for word in command.name.split(' ') {
            let words = next.entry(before.clone()).or_default();
            if !words.contains(&word) {
                words.push(word);
            }
            if !before.is_empty() {
                before.push(' ');
            }
            before.push_str(word);
        }
    }
    next
}

fn bash(program: &str) -> String {
    let mut cases = String::new();
    for (before, words) in next_words() {
        _ = writeln!(cases, "    \"{before}\") words=\"{}\" ;;", words.join(" "));
    }
    for command in commands::all() {
        let flags: Vec<_> = command.all_flags().map(|f| format!("-{}", f.name)).collect();
        _ = writeln!(cases, "    \"{}\") words=\"{}\" ;;", command.name, flags.join(" "));
    }
    format!(
        "_{program}_complete() {{
  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" path=\"\" words=\"\" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \"${{COMP_WORDS[i]}}\" in
    -*) continue ;;
    esac
    if _{program}_known \"${{path:+$path }}${{COMP_WORDS[i]}}\"; then
      path=\"${{path:+$path }}${{COMP_WORDS[i]}}\"
    else
      break
    fi
  done
  case \"$path\" in
{cases}  esac
  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))
}}
_{program}_known() {{
  case \"$1\" in
  {known}) return 0 ;;
  *) return 1 ;;
  esac
}}
complete -o default -F _{program}_complete {program}
",
        known = known_paths().iter().map(|p| format!("\"{p}\"")).collect::<Vec<_>>().join(" | "),
    )
}

fn known_paths() -> Vec<String> {
    let mut paths: Vec<String> = next_words().into_keys().filter(|k| !k.is_empty()).collect();
    paths.extend(commands::all().map(|c| c.name.to_owned()));
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn fish(program: &str) -> String {
    let mut out = format!(
        "function __{program}_at
  set -l words (commandline -opc)
  set -e words[1]
  set -l plain
  for word in $words
    string match -q -- '-*' $word; or set -a plain $word
  end
  test \"$plain\" = \"$argv[1]\"; or string match -q -- \"$argv[1] *\" \"$plain\"
end
function __{program}_exactly
  set -l words (commandline -opc)
  set -e words[1]
  test \"$words\" = \"$argv[1]\"
end
complete -c {program} -f
"
    );
    for (before, words) in next_words() {
        _ = writeln!(out, "complete -c {program} -n '__{program}_exactly \"{before}\"' -a '{}'", words.join(" "));
    }
    for command in commands::all() {
        for flag in command.all_flags() {
            let value = if flag.value_name().is_empty() { "" } else { " -r" };
            let help = flag.help.replace('\\', "\\\\").replace('\'', "\\'");
            let name = flag.name;
            let at = command.name;
            _ = writeln!(out, "complete -c {program} -n '__{program}_at \"{at}\"' -o {name}{value} -d '{help}'");
        }
    }
    out
}
