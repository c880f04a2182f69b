//! Providers that do not exist elsewhere as a server to test against: each listens on a free port of loopback, keeps books of its own,
//! checks every request by PROVIDERS, and fails in the ways a provider fails.

pub mod faults;
pub mod myfatoorah;
pub mod paymob;
