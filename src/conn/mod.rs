//! Room `conn`.
