//! Jobs, as those who run the shop see them: what waits, what is late and why, what was given up; and what they decide of it, through
//! the engine's own verbs.

mod act;
mod api;
mod model;
mod queries;
mod sql;

pub(super) use api::routes;
