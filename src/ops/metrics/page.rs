//! The text that Prometheus reads (its exposition format, version 0.0.4).

use std::fmt::Write;

use crate::db::Histogram;

/// What a family's values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only rises, from the start of the process on; its name ends in `_total`.
    Counter,
    Gauge,
    Histogram,
}

/// A page of metrics while it is written.
#[derive(Default)]
pub struct Page {
    text: String,
}

/// Values of one name.
pub struct Family<'p> {
    page: &'p mut Page,
    name: &'static str,
}

impl Page {
    /// Begins a family; its help is one sentence.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: self, name }
    }

    /// A family of one value without labels.
    pub fn one(&mut self, name: &'static str, kind: Kind, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help).value(&[], value);
    }

    /// The text.
    #[must_use]
    pub fn text(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// A value with its labels.
    pub fn value(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.line("", labels, None, value);
    }

    /// A histogram of microseconds, told in seconds.
    pub fn seconds(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        self.histogram(labels, histogram, seconds);
    }

    /// A histogram of numbers of things.
    pub fn things(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        self.histogram(labels, histogram, |things| things.to_string());
    }

    fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram, tell: impl Fn(u64) -> String) {
        let mut below = 0;
        for (bound, count) in histogram.buckets() {
            below += count;
            let bound = if bound == u64::MAX { "+Inf".to_owned() } else { tell(bound) };
            self.line("_bucket", labels, Some(&bound), below);
        }
        self.line("_sum", labels, None, tell(histogram.sum()));
        // What the buckets have, so that the two never differ while others count on.
        self.line("_count", labels, None, below);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<&str>, value: impl std::fmt::Display) {
        let text = &mut self.page.text;
        let _ = write!(text, "{}{suffix}", self.name);
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut opened = false;
        for (name, told) in labels {
            text.push_str(if opened { "," } else { "{" });
            opened = true;
            let _ = write!(text, "{name}=\"");
            for c in told.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        if opened {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// Microseconds as seconds, without a floating point and without zeros at the end.
#[must_use]
pub fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_and_short() {
        assert_eq!(
            [0, 1, 1_000, 2_500, 1_000_000, 90_000_001].map(seconds),
            ["0", "0.000001", "0.001", "0.0025", "1", "90.000001"]
        );
    }

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.one("a_total", Kind::Counter, "All of them.", 7);
        page.family("b", Kind::Gauge, "Odd labels.").value(&[("x", "say \"hi\"\\\n"), ("y", "")], -1);
        let histogram = Histogram::default();
        histogram.record(5);
        page.family("c_seconds", Kind::Histogram, "Times.").seconds(&[("k", "v")], &histogram);
        let text = page.text();
        assert!(text.starts_with("# HELP a_total All of them.\n# TYPE a_total counter\na_total 7\n"), "{text}");
        assert!(text.contains("b{x=\"say \\\"hi\\\"\\\\\\n\",y=\"\"} -1\n"), "{text}");
        assert!(
            text.contains("c_seconds_bucket{k=\"v\",le=\"0.000004\"} 0\nc_seconds_bucket{k=\"v\",le=\"0.000016\"} 1\n"),
            "{text}"
        );
        assert!(text.ends_with("le=\"+Inf\"} 1\nc_seconds_sum{k=\"v\"} 0.000005\nc_seconds_count{k=\"v\"} 1\n"), "{text}");
    }
}
