//! A storm over jobs.
