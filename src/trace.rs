//! Who caused what: the thread of one trace from a request to the last job that followed from it.
//!
//! The rooms say what they do with a [`Work`]; where it is told, [`crate::ops::traces`] decides. While traces are off every `Work` is
//! nothing, and costs one look at a flag. What always holds: a `Work` carries names of ours and numbers, never what people wrote,
//! whose it was, a query or a secret; and a trace is begun by a request or a job alone, all else is a part of one.
//!
//! Which trace goes on is read from W3C's `traceparent` (<https://www.w3.org/TR/trace-context/>). It is told to nobody outside: a
//! provider has no use for it, and two of them could compare what they know.

use std::future::Future;
use std::sync::OnceLock;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    FutureExt, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, ContextGuard, KeyValue};

/// Set once, when traces are turned on.
static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// From now on work is told to this tracer. A second call changes nothing.
pub fn turn_on(tracer: BoxedTracer) {
    let _ = TRACER.set(tracer);
}

/// Whether work is told to anybody.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// A piece of work under way. It ends with its last copy, or when it is told to.
#[derive(Clone, Debug)]
pub struct Work(Option<Context>);

/// Something that is answered for somebody outside. `traceparent` is the header, if it came exactly once.
#[must_use]
pub fn request(method: &http::Method, traceparent: Option<&str>) -> Work {
    let method = known_method(method);
    let work = begin(Root::Request, method, traceparent);
    work.word("http.request.method", method);
    work
}

/// A job that is done; `traceparent` is that of its cause, if it had one.
#[must_use]
pub fn job(kind: &str, traceparent: Option<&str>) -> Work {
    if !is_on() {
        return Work(None);
    }
    let work = begin(Root::Job, &format!("job {kind}"), traceparent);
    work.word("bayader.job.kind", kind);
    work
}

/// A part of the work under way here; nothing if there is none.
#[must_use]
pub fn part(name: &str) -> Work {
    child(name, SpanKind::Internal)
}

/// A part of the work under way here that asks somebody outside, and waits for them.
#[must_use]
pub fn asking(name: &str) -> Work {
    child(name, SpanKind::Client)
}

/// The work under way here.
#[must_use]
pub fn here() -> Work {
    if !is_on() {
        return Work(None);
    }
    let here = Context::current();
    Work(here.has_active_span().then_some(here))
}

/// The work under way here as a `traceparent`, for what it causes later.
#[must_use]
pub fn cause() -> Option<String> {
    here().span_context().map(|span| told(&span))
}

/// The ids of the trace and of the part that is under way here, for a line of the log.
#[must_use]
pub fn ids() -> Option<(String, String)> {
    here().span_context().map(|span| (span.trace_id().to_string(), span.span_id().to_string()))
}

impl Work {
    /// No work that anybody is told of.
    #[must_use]
    pub const fn nothing() -> Work {
        Work(None)
    }

    /// Tells a number of it.
    pub fn number(&self, name: &'static str, value: u64) {
        if let Work(Some(context)) = self {
            context.span().set_attribute(KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX)));
        }
    }

    /// Tells a word of ours of it: a name of a route, a kind, an outcome.
    pub fn word(&self, name: &'static str, value: &str) {
        if let Work(Some(context)) = self {
            context.span().set_attribute(KeyValue::new(name, value.to_owned()));
        }
    }

    /// Gives it a nearer name.
    pub fn rename(&self, name: String) {
        if let Work(Some(context)) = self {
            context.span().update_name(name);
        }
    }

    /// It did not work out; `kind` is a word of ours, never an error's own text, which may quote somebody.
    pub fn failed(&self, kind: &str) {
        if let Work(Some(context)) = self {
            context.span().set_status(Status::error(""));
            context.span().set_attribute(KeyValue::new("error.type", kind.to_owned()));
        }
    }

    /// It ends now, whoever still holds a copy.
    pub fn end(&self) {
        if let Work(Some(context)) = self {
            context.span().end();
        }
    }

    /// Whatever this future does is a part of it.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        match &self.0 {
            Some(context) => work.with_context(context.clone()).await,
            None => work.await,
        }
    }

    /// Whatever this thread does is a part of it, until the guard goes.
    #[must_use]
    pub fn enter(&self) -> Entered {
        Entered(self.0.clone().map(Context::attach))
    }

    fn span_context(&self) -> Option<SpanContext> {
        self.0.as_ref().map(|context| context.span().span_context().clone()).filter(SpanContext::is_valid)
    }
}

/// See [`Work::enter`].
pub struct Entered(#[expect(dead_code, reason = "held for its end")] Option<ContextGuard>);

/// What begins a trace, or goes on with one that came from outside.
#[derive(Clone, Copy)]
enum Root {
    Request,
    Job,
}

fn begin(root: Root, name: &str, traceparent: Option<&str>) -> Work {
    let Some(tracer) = TRACER.get() else { return Work(None) };
    let kind = match root {
        Root::Request => SpanKind::Server,
        Root::Job => SpanKind::Consumer,
    };
    let parent =
        traceparent.and_then(parse).map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
    start(tracer, name, kind, &parent)
}

fn child(name: &str, kind: SpanKind) -> Work {
    let (Some(tracer), Work(Some(parent))) = (TRACER.get(), here()) else { return Work(None) };
    start(tracer, name, kind, &parent)
}

fn start(tracer: &BoxedTracer, name: &str, kind: SpanKind, parent: &Context) -> Work {
    let span = tracer.build_with_context(SpanBuilder::from_name(name.to_owned()).with_kind(kind), parent);
    Work(Some(parent.with_span(span)))
}

/// Methods that a span may name; others are told as the conventions have it, so that nobody writes a text of theirs into a trace.
fn known_method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// Reads `version-trace-parent-flags`. What is not exactly that counts as none, and a trace of our own begins. Of a version we do not
/// know its beginning is read, as the standard has it.
fn parse(text: &str) -> Option<SpanContext> {
    let (head, more) = text.split_at_checked(LENGTH)?;
    let mut parts = head.split('-');
    let mut hex = |length: usize| {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == length && is_hex).then_some(part)
    };
    let (version, trace, parent, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let is_whole = match version {
        "ff" => false,
        "00" => more.is_empty(),
        _ => more.is_empty() || more.starts_with('-'),
    };
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(parent).ok()?,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    (is_whole && context.is_valid()).then_some(context)
}

fn told(span: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_read_and_told_alike() {
        for flags in ["00", "01"] {
            let text = format!("00-{TRACE}-{PARENT}-{flags}");
            let read = parse(&text).expect("it is one");
            assert_eq!((told(&read), read.is_remote(), read.is_sampled()), (text, true, flags == "01"));
        }
        // Flags that we do not know are not passed on.
        assert_eq!(told(&parse(&format!("00-{TRACE}-{PARENT}-fe")).expect("it is one")), format!("00-{TRACE}-{PARENT}-00"));
    }

    #[test]
    fn of_a_newer_version_the_beginning_is_read() {
        assert!(parse(&format!("01-{TRACE}-{PARENT}-01")).is_some());
        assert!(parse(&format!("01-{TRACE}-{PARENT}-01-what-comes-later")).is_some());
        assert!(parse(&format!("01-{TRACE}-{PARENT}-01.what-comes-later")).is_none());
    }

    #[test]
    fn what_is_not_a_traceparent_is_none() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0x"),
            format!("00-{}é-{PARENT}-01", &TRACE[..30]),
            format!("00_{TRACE}_{PARENT}_01"),
        ] {
            assert!(parse(&text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn while_traces_are_off_there_is_no_work() {
        assert!(request(&http::Method::GET, None).0.is_none());
        assert!(part("x").0.is_none() && job("x", None).0.is_none());
        assert!((cause(), ids()) == (None, None));
    }
}
