//! The figures that an operator graphs, for Prometheus and whatever else reads its text format.
//!
//! [`counters`] is what CP counts as it goes, [`gather`] one look at the whole system, [`serve`] the HTTP front end. The format itself is written by
//! `prometheus-client`, the client library of the Prometheus project: escaping and number forms are its business.

pub mod counters;
pub mod gather;
pub mod serve;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub use counters::Counters;
pub use serve::{MetricsError, Serving, start};

/// What a figure's value means over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while CP runs; its name ends in `_total`, which the format adds.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Labels of a sample.
type Labels = Vec<(&'static str, String)>;

/// Figures of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// Name, without `_total`.
    pub name: &'static str,
    /// What it is, in a sentence without its end.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// Values by their labels.
    pub samples: Vec<(Labels, f64)>,
}

impl Family {
    fn of(kind: Kind, name: &'static str, help: &'static str, samples: Vec<(Labels, f64)>) -> Self {
        Self { name, help, kind, samples }
    }

    /// One value.
    fn one(kind: Kind, name: &'static str, help: &'static str, value: f64) -> Self {
        Self::of(kind, name, help, vec![(Vec::new(), value)])
    }

    /// A value for each of some kinds.
    fn by<'a>(
        kind: Kind,
        (name, help): (&'static str, &'static str),
        label: &'static str,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Self {
        let samples = values.into_iter().map(|(of, value)| (vec![(label, of.to_string())], value)).collect();
        Self::of(kind, name, help, samples)
    }
}

/// Figures on their way into text.
#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let metric_type = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut descriptor = encoder.encode_descriptor(family.name, family.help, None, metric_type)?;
            for (labels, value) in &family.samples {
                let mut sample = descriptor.encode_family(labels)?;
                match family.kind {
                    Kind::Counter => sample.encode_counter::<NoLabelSet, f64, f64>(value, None)?,
                    Kind::Gauge => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

/// The text of Prometheus, version 0.0.4.
pub fn text(families: Vec<Family>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_become_lines_with_help_type_and_labels() {
        let busy = Family::by(Kind::Counter, ("cp64_busy_seconds", "Time"), "processor", [("0", 1.5), ("a\"b\\c\nd", 2.0)]);
        let users = Family::one(Kind::Gauge, "cp64_users", "Users", 3.0);
        let expected = "\
# HELP cp64_busy_seconds_total Time
# TYPE cp64_busy_seconds_total counter
cp64_busy_seconds_total{processor=\"0\"} 1.5
cp64_busy_seconds_total{processor=\"a\\\"b\\\\c\\nd\"} 2.0
# HELP cp64_users Users
# TYPE cp64_users gauge
cp64_users 3.0
";
        assert_eq!(text(vec![busy, users]), expected);
    }
}
