//! The wire: what every route shares (SPEC 2).
//!
//! A request goes through [`front`] (id, language, body, the form of errors), the router, the [`gate`] (set-up, size, media type,
//! credentials, role) and its handler, whose extractors read path, query and body with every fault named. This room knows no
//! feature; what it needs of the bakery it asks through [`gate::Gatekeeper`].

pub mod assets;
pub mod caller;
pub mod card_guard;
pub mod cart_token;
mod connections;
pub mod context;
pub mod cors;
pub mod describe;
pub mod doors;
pub mod etag;
pub mod extract;
pub mod field_faults;
pub mod forgeries;
pub mod forwarded;
pub mod front;
pub mod gate;
pub mod idempotency;
pub mod input;
pub mod link;
pub mod multipart;
pub mod order_cookie;
pub mod page;
pub mod problem;
pub mod rate_limit;
pub mod refusal_page;
pub mod respond;
pub mod route;
pub mod server;
pub mod session_cookie;
pub mod shape;
pub mod shields;
mod spoken;
pub mod template;
pub mod tls;
pub mod to_setup;
pub mod traffic;
mod twins;

pub use caller::Caller;
pub use context::Context;
pub use extract::{Body, Form, Id, Ids, Query, Raw};
pub use forgeries::Forgeries;
pub use input::{Fields, FromJson, Input};
pub use link::Link;
pub use respond::{Answer, created, json, no_content};
pub use route::Route;
pub use shape::Shape;
pub use traffic::Traffic;
