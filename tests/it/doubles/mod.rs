//! Providers that are not there: small servers on loopback that keep books of their own, check each request by the published document or
//! the contract, and fail in the ways that the real ones fail.

pub mod certificates;
pub mod faults;
pub mod myfatoorah;
pub mod paymob;
pub mod paypal;
pub mod paypal_signer;
pub mod pebble;
pub mod pictures;
pub mod s3;
pub mod sendgrid;
pub mod sms_gateway;
pub mod smtp;
pub mod spec;
pub mod stripe;
pub mod twilio;
