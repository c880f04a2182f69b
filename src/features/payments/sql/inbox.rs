//! The inbox of webhooks.
