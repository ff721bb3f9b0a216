//! `keywright`: server and command line in one binary.
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let code = match args.get(1).map(String::as_str) {
        // The command line answers for the server's help like for any command's.
        Some("server")
            if !args.iter().any(|a| matches!(a.trim_start_matches('-'), "help" | "h") && a.starts_with('-')) =>
        {
            kw_server::server(args.get(2..).unwrap_or_default())
        }
        _ => kw_cli::run_process(),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
