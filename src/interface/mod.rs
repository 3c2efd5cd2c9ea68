//! The memory interface of a handler.
