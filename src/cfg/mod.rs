//! Control-flow graphs of Python functions.
