//! Traces for an OpenTelemetry collector: one from a request to the last job it caused (`[otlp] endpoint`).
//!
//! What always holds: telling never holds up selling. Ended work goes into a queue with an end, from which a thread of its own sends
//! (OTLP over HTTP, protobuf). A collector that is down or slow costs what it would have been told, and is spoken of once in a while.
//! At the end of the process what is left is sent, within a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry::global::{BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::Config;
use crate::outbound::{self, Patience};
use crate::trace;

/// Most spans that wait; at some 1 KB each that is 4 MB. What comes on top is dropped and counted.
const MOST_WAITING: usize = 4_096;
/// Most spans sent at once: some hundred KB, as other exporters send.
const MOST_AT_ONCE: usize = 512;
/// Spans are gathered so long, so that an order is one call and not ten.
const GATHER_TIME: Duration = Duration::from_secs(1);
/// How long the collector is waited for.
const PATIENCE: Patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(5) };
/// After a call that failed the next one waits, and what comes meanwhile waits in the queue.
const PAUSE: Duration = Duration::from_secs(5);
/// A collector that stays down is spoken of so often.
const TELL_AGAIN: Duration = Duration::from_secs(600);
/// What is left at the end of the process has so long to leave.
const END_TIME: Duration = Duration::from_secs(3);

/// Traces while they are told. Dropped, it sends what is left, for a bounded time.
pub struct Traces {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// Kept for its processor; work that ends later finds a queue that is shut.
    _provider: SdkTracerProvider,
}

/// Starts telling traces if the configuration names a collector.
///
/// # Errors
/// In words, if no thread or client is to be had.
pub fn start(config: &Config) -> Result<Option<Traces>, String> {
    let Some(otlp) = &config.otlp else { return Ok(None) };
    let endpoint = signal_url(otlp.endpoint.as_str());
    let unusable = |error: &dyn std::fmt::Display| format!("traces cannot be told: {error}");
    let client = outbound::client(PATIENCE, &[]).map_err(|error| unusable(&error))?;
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "bayader"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&endpoint)
        .with_timeout(PATIENCE.call)
        .build()
        .map_err(|error| unusable(&error))?;
    exporter.set_resource(&resource);

    let (queue, waiting) = mpsc::channel(MOST_WAITING);
    let (stop, stopped) = watch::channel(false);
    let dropped = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| unusable(&error))?;
    let sender = Sender { exporter, waiting, stopped, dropped: Arc::clone(&dropped), told: None, endpoint };
    let thread = std::thread::Builder::new()
        .name("traces".to_owned())
        .spawn(move || runtime.block_on(sender.work()))
        .map_err(|error| unusable(&error))?;
    // Who asks decides what is kept of it; what begins here is kept whole. A bakery has few requests.
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_span_processor(ToQueue { queue, dropped })
        .with_resource(resource)
        .build();
    let tracer =
        provider.boxed_tracer(InstrumentationScope::builder("bayader").with_version(env!("CARGO_PKG_VERSION")).build());
    trace::turn_on(BoxedTracer::new(tracer));
    Ok(Some(Traces { stop, thread: Some(thread), _provider: provider }))
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // It ends by itself within its time.
            let _ = thread.join();
        }
    }
}

/// The collector's address for traces: what is configured is the base of all signals, as OTLP's specification has it.
fn signal_url(base: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
}

/// Puts what has ended into the queue, on whatever thread it ended; it never waits.
#[derive(Debug)]
struct ToQueue {
    queue: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

impl SpanProcessor for ToQueue {
    fn on_start(&self, _span: &mut Span, _context: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// What the thread works with.
struct Sender {
    exporter: SpanExporter,
    waiting: mpsc::Receiver<SpanData>,
    stopped: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
    /// When it was last said that the collector cannot be reached; `None` while it can.
    told: Option<Instant>,
    endpoint: String,
}

impl Sender {
    async fn work(mut self) {
        let mut stopped = self.stopped.clone();
        loop {
            let mut batch = Vec::with_capacity(MOST_AT_ONCE);
            tokio::select! {
                // First, so that the rest leaves within its one bounded time.
                biased;
                _ = stopped.wait_for(|stop| *stop) => break,
                count = self.waiting.recv_many(&mut batch, MOST_AT_ONCE) => if count == 0 { return },
            }
            let full = Instant::now() + GATHER_TIME;
            while batch.len() < MOST_AT_ONCE {
                tokio::select! {
                    more = timeout_at(full, self.waiting.recv()) => match more {
                        Ok(Some(span)) => batch.push(span),
                        Ok(None) | Err(_) => break,
                    },
                    _ = stopped.wait_for(|stop| *stop) => break,
                }
            }
            // Whoever stops the shop does not wait for a collector that hangs.
            let until = async {
                let _ = stopped.wait_for(|stop| *stop).await;
                tokio::time::sleep(END_TIME).await;
            };
            let sent = tokio::select! {
                sent = self.send(batch) => sent,
                () = until => return,
            };
            if !sent {
                let _ = timeout(PAUSE, stopped.wait_for(|stop| *stop)).await;
            }
        }
        let _ = timeout(END_TIME, self.send_the_rest()).await;
    }

    async fn send_the_rest(&mut self) {
        loop {
            let rest: Vec<SpanData> = std::iter::from_fn(|| self.waiting.try_recv().ok()).take(MOST_AT_ONCE).collect();
            if rest.is_empty() || !self.send(rest).await {
                return;
            }
        }
    }

    /// Sends once; what does not arrive is gone, for the next is newer and the shop has better things to keep.
    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let count = batch.len() as u64;
        let outcome = match timeout(PATIENCE.call + PATIENCE.connect, self.exporter.export(batch)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        };
        match outcome {
            Ok(()) => {
                if self.told.take().is_some() {
                    let dropped = self.dropped.swap(0, Ordering::Relaxed);
                    tracing::info!(endpoint = self.endpoint, dropped, "traces reach the collector again");
                }
                true
            }
            Err(error) => {
                let dropped = self.dropped.fetch_add(count, Ordering::Relaxed) + count;
                if self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
                    self.told = Some(Instant::now());
                    tracing::warn!(
                        endpoint = self.endpoint,
                        error,
                        dropped,
                        "traces do not reach the collector, so they are dropped; the shop goes on. Look at it, or at [otlp] endpoint"
                    );
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_to_their_own_path_below_the_base() {
        assert_eq!(signal_url("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(signal_url("http://127.0.0.1:4318/"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(signal_url("https://collector.example/shop"), "https://collector.example/shop/v1/traces");
        assert_eq!(signal_url("https://collector.example/v1/traces"), "https://collector.example/v1/traces");
    }
}
