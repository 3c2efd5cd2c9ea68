//! Which callables each call reaches.
