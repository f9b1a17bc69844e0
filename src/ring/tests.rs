//! Both back ends through one harness.
