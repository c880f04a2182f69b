//! Traces for an OpenTelemetry collector: one from a request to the last job it caused.
