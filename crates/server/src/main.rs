//! `keywright`: server and command line in one binary.
use std::process::ExitCode;

/// Rows are allocated by the event loops and freed by the thread that commits, which glibc's allocator is slow at. `docs/performance.md`
/// has the figures.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let brand = kw_cli::Brand::of(args.first().map_or("", String::as_str));
    let words = (args.get(1).map(String::as_str), args.get(2).map(String::as_str));
    // The command line answers for the help of these commands like for any other's.
    let is_help = args.iter().any(|a| matches!(a.trim_start_matches('-'), "help" | "h") && a.starts_with('-'));
    let code = match words {
        (Some("server"), _) if !is_help => kw_server::server(brand, args.get(2..).unwrap_or_default()),
        (Some("operator"), Some("migrate")) if !is_help => kw_server::migrate(args.get(3..).unwrap_or_default()),
        _ => kw_cli::run_process(),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
