//! The binary: everything is in the library.

use std::process::ExitCode;

/// A fleet's documents and prices are millions of short strings; with the system's allocator a third of `konta cost` went there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    konta::commands::main()
}
