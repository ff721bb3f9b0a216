//! The command line without a server in the same program: `cargo run -p kw-cli --example cli -- status`.

fn main() {
    std::process::exit(kw_cli::run_process());
}
