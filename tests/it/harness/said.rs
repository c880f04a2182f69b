//! Which messages were made, and for whom.

use std::time::Duration;

use serde_json::Value;

use super::Shop;

/// A message as it was made.
#[derive(Clone, PartialEq, Debug)]
pub struct Said {
    /// Its kind, as `order_placed`.
    pub kind: String,
    pub channel: String,
    pub to: String,
    pub locale: String,
    pub payload: Value,
}

impl Shop {
    /// Every message there is, the first first.
    pub async fn said(&self) -> Vec<Said> {
        let sql = "select type, channel, coalesce(recipient, ''), locale, payload from notifications order by id";
        let read = self.db().read(move |reader| {
            reader.all(sql, &[], |row| {
                let mut columns = row.columns();
                Ok(Said {
                    kind: columns.next()?,
                    channel: columns.next()?,
                    to: columns.next()?,
                    locale: columns.next()?,
                    payload: columns.json()?.unwrap_or_default(),
                })
            })
        });
        read.await.expect("messages")
    }

    /// What there is, each as `order_placed email`.
    pub async fn kinds_said(&self) -> Vec<String> {
        self.said().await.iter().map(|said| format!("{} {}", said.kind, said.channel)).collect()
    }

    /// Seconds pass, and what is due by then is done; and a second more, for what follows from it: the writer's clock runs ahead of
    /// one that stands still, a moment a write.
    pub async fn pass(&self, seconds: u64) {
        for seconds in [seconds, 1] {
            self.advance(Duration::from_secs(seconds));
            self.run_jobs().await;
        }
    }
}
