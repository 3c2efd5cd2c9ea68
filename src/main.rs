//! The `meminterface` command. Everything it does is in the library's `cli` module.

/// Trees of syntax and of expressions are many small allocations, made and dropped on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    meminterface::cli::main()
}
