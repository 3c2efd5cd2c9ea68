//! Formulas in bytes.
