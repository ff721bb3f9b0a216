//! Prints every route of the server, for `cargo xtask schema`.
//!
//! A program of its own, so that the other chores can be built and run while the server does not compile.
fn main() -> Result<(), serde_json::Error> {
    let schema = kw_kernel::schema_json(&kw_server::registry());
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
