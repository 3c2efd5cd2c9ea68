//! Algebra by Symbolica, in a child process.
