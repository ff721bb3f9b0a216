//! Someone at a terminal: a home directory, variables, and a program called `vault`.
use crate::support::Server;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

#[derive(Clone)]
pub struct Shell {
    folder: Arc<TempDir>,
    env: Vec<(String, String)>,
    input: String,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Said {
    #[expect(dead_code, reason = "shown by Debug where a test fails")]
    pub command: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    /// `url` is where commands go.
    pub fn new(url: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keywright"), folder.path().join("vault")).unwrap();
        Self { folder, env: Vec::new(), input: String::new() }.with("VAULT_ADDR", url)
    }

    /// Someone who has the root token of this server.
    pub fn root(server: &Server) -> Self {
        Self::nobody(server).with("VAULT_TOKEN", &server.keys.root)
    }

    /// Someone without a token.
    pub fn nobody(server: &Server) -> Self {
        Self::new(&format!("http://{}", server.address))
    }

    /// With a variable in place of one of the same name; empty is as good as not set.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut shell = self.clone();
        shell.env.retain(|(n, _)| n != name);
        shell.env.push((name.to_owned(), value.to_owned()));
        shell
    }

    /// With this on standard input, for one command.
    pub fn input(&self, text: &str) -> Self {
        Self { input: text.to_owned(), ..self.clone() }
    }

    /// A path in the home directory, which is the working directory too.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write_file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    /// Runs a command, given as words with spaces between.
    pub fn run(&self, command: &str) -> Said {
        self.run_words(&command.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Said {
        let mut child = Command::new(self.path("vault"))
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .envs(self.env.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input is not at fault.
        let _unread = stdin.write_all(self.input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        Said {
            command: words.join(" "),
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn ok(&self, command: &str) -> Said {
        self.run(command).is(0)
    }

    /// The output of a command that must succeed and print one value.
    #[track_caller]
    pub fn value(&self, command: &str) -> String {
        self.ok(command).out.trim_end_matches('\n').to_owned()
    }

    /// The output of a command that must succeed, in JSON; `-format=json` is up to the command.
    #[track_caller]
    pub fn json(&self, command: &str) -> Value {
        self.ok(command).json()
    }
}

impl Said {
    #[track_caller]
    pub fn is(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Fails unless standard output has all of these.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }

    /// Fails unless standard error has all of these.
    #[track_caller]
    pub fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "no {text:?} in {self:#?}");
        }
        self
    }

    /// The value of a row of a table: what follows its name and at least two spaces.
    #[track_caller]
    pub fn row(&self, name: &str) -> String {
        let of = |line: &str| line.strip_prefix(name)?.strip_prefix("  ").map(|rest| rest.trim().to_owned());
        self.out.lines().find_map(of).unwrap_or_else(|| panic!("no row {name:?} in {self:#?}"))
    }

    /// The names of a list that people read.
    pub fn names(&self) -> Vec<&str> {
        self.out.lines().skip(2).collect()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}
