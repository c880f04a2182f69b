//! The first hour of a shop: until somebody owns it only this page and health answer (SPEC 10).
//!
//! What always holds: a shop is set up once; who does it has the one-time code, which lies in the memory of the running server alone.
