//! A route and its description in one place, so that neither exists without the other.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use serde_json::Value;

use super::describe::{Described, JSON, Responded};
use super::input::{Input, query_schema_of, schema_of};
use super::link::Link;
use super::shape::Shape;
use crate::kernel::ProblemKind;
use crate::kernel::problem::kinds;

/// One method of one path.
pub struct Route<S> {
    pub method: Method,
    pub path: &'static str,
    pub router: MethodRouter<S>,
    pub described: Described,
}

macro_rules! methods {
    ($($name:ident $method:ident;)+) => {$(
        /// A route of this method; `summary` is one imperative sentence.
        pub fn $name<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H, summary: &'static str) -> Route<S> {
            Route::new(Method::$method, MethodFilter::$method, path, handler, summary)
        }
    )+};
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    fn new<H: Handler<T, S>, T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
        summary: &'static str,
    ) -> Route<S> {
        Route { method, path, router: on(filter, handler), described: Described::new(summary) }
    }

    methods! { get GET; post POST; put PUT; delete DELETE; }

    /// Reads a query of this shape.
    #[must_use]
    pub fn query<T: Input>(mut self) -> Self {
        self.described.query = Some(query_schema_of::<T>());
        self
    }

    /// Reads a body of this shape.
    #[must_use]
    pub fn body<T: Input>(mut self) -> Self {
        self.described.body = Some((T::NAME, schema_of::<T>()));
        self
    }

    /// Takes bytes of any media type, as who sends them has signed them; nearly always they are JSON of the sender's own.
    #[must_use]
    pub fn raw_body(mut self, description: &'static str) -> Self {
        self.described.raw_body = Some(description);
        self
    }

    /// Takes an upload; `parts` is the schema of an object whose properties are its parts.
    #[must_use]
    pub fn upload(mut self, parts: Value) -> Self {
        self.described.upload = Some(parts);
        self
    }

    /// Says more, in Markdown: what it is for, what it changes, what else one needs to know.
    #[must_use]
    pub fn describe(mut self, description: &'static str) -> Self {
        self.described.description = description;
        self
    }

    /// Says of a parameter what only this route means by it.
    #[must_use]
    pub fn parameter(mut self, name: &'static str, description: &'static str) -> Self {
        self.described.parameters.insert(name, description);
        self
    }

    /// A path parameter that is not only an id.
    #[must_use]
    pub fn word(mut self, name: &'static str, description: &'static str) -> Self {
        self.described.words.push(name);
        self.parameter(name, description)
    }

    /// A body that is taken, with a title.
    #[must_use]
    pub fn example(mut self, title: &'static str, body: Value) -> Self {
        self.described.examples.push((title, body));
        self
    }

    /// Where the answer leads.
    #[must_use]
    pub fn links(mut self, links: impl IntoIterator<Item = Link>) -> Self {
        self.described.links.extend(links);
        self
    }

    /// Answers with this status and shape.
    #[must_use]
    pub fn answers(mut self, status: u16, description: &'static str, shape: impl Into<Shape>) -> Self {
        self.described.responses.push(Responded { status, description, shape: Some(shape.into()), media_types: JSON });
        self
    }

    /// Answers with this status and no body.
    #[must_use]
    pub fn answers_empty(mut self, status: u16, description: &'static str) -> Self {
        self.described.responses.push(Responded { status, description, shape: None, media_types: &[] });
        self
    }

    /// Answers with this status and text or bytes of these media types.
    #[must_use]
    pub fn answers_file(mut self, status: u16, description: &'static str, media_types: &'static [&'static str]) -> Self {
        let shape = Some(Shape::from(serde_json::json!({ "type": "string" })));
        self.described.responses.push(Responded { status, description, shape, media_types });
        self
    }

    /// Answers with a page of the binary.
    #[must_use]
    pub fn answers_page(self, description: &'static str) -> Self {
        self.answers_file(200, description, &["text/html"])
    }

    /// Sends the browser on.
    #[must_use]
    pub fn answers_elsewhere(self, description: &'static str) -> Self {
        self.answers_empty(303, description)
    }

    /// Refuses with these, beside what every route may say.
    #[must_use]
    pub fn refuses(mut self, kinds: &[&'static ProblemKind]) -> Self {
        self.described.refuses.extend(kinds);
        self
    }

    /// Takes an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.described.idempotent = true;
        self.refuses(&[&kinds::IDEMPOTENCY_KEY_REUSED])
    }

    /// Takes `If-Match`.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.described.conditional = true;
        self.refuses(&[&kinds::STALE])
    }

    /// Answers bear an `ETag`; GET takes `If-None-Match` and answers 304.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        self.described.tagged = true;
        self
    }

    /// Signs in: by `X-Session: cookie` as a cookie instead of tokens.
    #[must_use]
    pub fn hands_a_session_over(mut self) -> Self {
        self.described.hands_a_session_over = true;
        self
    }

    /// Takes an order's own token.
    #[must_use]
    pub fn order_token(mut self) -> Self {
        self.described.order_token = true;
        self
    }

    /// Takes a cart's token.
    #[must_use]
    pub fn cart_token(mut self) -> Self {
        self.described.cart_token = true;
        self
    }
}
