//! From files to trees.
use super::ConfigError;
use kw_hcl::Body;
use std::fs;
use std::path::{Path, PathBuf};

/// One file, read.
pub(super) struct Source {
    pub file: String,
    pub body: Body,
}

/// Reads files, and the `.hcl` and `.json` files of directories in the order of their names.
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Source>, ConfigError> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in files_of(path)? {
                sources.push(load_file(&file)?);
            }
        } else {
            sources.push(load_file(path)?);
        }
    }
    if sources.is_empty() {
        return Err(whole("-config", "no configuration: name a file or a directory with -config=PATH".to_owned()));
    }
    Ok(sources)
}

/// Reads a text.
pub(super) fn parse(file: &str, text: &str) -> Result<Source, ConfigError> {
    let body = kw_hcl::parse(text).map_err(|error| ConfigError {
        file: file.to_owned(),
        line: error.line(),
        text: format!("column {}: {}", error.column(), error.text()),
    })?;
    Ok(Source { file: file.to_owned(), body })
}

fn load_file(path: &Path) -> Result<Source, ConfigError> {
    let file = path.display().to_string();
    let too_long = fs::metadata(path).is_ok_and(|meta| meta.len() > kw_hcl::TEXT_LEN_MAX as u64);
    if too_long {
        return Err(whole(&file, "the file is longer than 1 MiB".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| whole(&file, format!("cannot be read: {error}")))?;
    parse(&file, &text)
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let name = directory.display().to_string();
    let wrong = |error: std::io::Error| whole(&name, format!("cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        if matches!(extension, Some("hcl" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(whole(&name, "the directory holds no .hcl or .json file".to_owned()));
    }
    files.sort();
    Ok(files)
}

fn whole(file: &str, text: String) -> ConfigError {
    ConfigError { file: file.to_owned(), line: 0, text }
}
