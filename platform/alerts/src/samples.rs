//! The samples of a process's metrics, read from their text.
//!
//! Reads OpenMetrics and Prometheus text alike, as far as this workspace writes it. Invariant: only metrics that a rule
//! names are kept, and a line that can't be read is left out.

use std::collections::BTreeMap;

/// Samples by metric: each with its labels as they are written, and its value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<(String, f64)>>);

impl Samples {
    /// Reads the samples of the metrics with these names.
    pub(crate) fn parse(text: &str, names: &[&str]) -> Self {
        let mut samples = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, labels, value)) = sample(line) else { continue };
            if names.contains(&name) {
                samples.0.entry(name.to_owned()).or_default().push((labels.to_owned(), value));
            }
        }
        samples
    }

    /// Returns the largest sample of a metric; `None` if it has none.
    pub(crate) fn max(&self, name: &str) -> Option<f64> {
        self.of(name).map(|(_, value)| *value).reduce(f64::max)
    }

    /// Returns the sum of a metric's samples whose labels have each of these texts.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.of(name).filter(|(of, _)| labels.iter().all(|label| of.contains(label))).map(|(_, value)| value).sum()
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &(String, f64)> {
        self.0.get(name).into_iter().flatten()
    }
}

/// Returns the name, the labels and the value of a line such as `a_total{b="c"} 3`.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (name, labels, rest) = match line.split_once('{') {
        // The values of labels may have braces, the rest of a line has none.
        Some((name, rest)) => {
            let (labels, rest) = rest.rsplit_once('}')?;
            (name, labels, rest)
        }
        None => {
            let (name, rest) = line.split_once(' ')?;
            (name, "", rest)
        }
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, labels, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_of_named_metrics_are_read_and_nothing_else() {
        let text = "# HELP a Something with a 7\n# TYPE a gauge\na 3\nb_total{role=\"x\",route=\"/v1/{id}\"} 4\n\
            b_total{role=\"y\",route=\"/v1/{id}\"} 0.5\nother 9\nbroken\nbroken{x=\"\na x\n# EOF\n";
        let samples = Samples::parse(text, &["a", "b_total", "broken"]);
        assert_eq!((samples.max("a"), samples.max("b_total"), samples.max("other")), (Some(3.0), Some(4.0), None));
        assert!((samples.sum("b_total", &[]) - 4.5).abs() < 1e-9);
        assert!((samples.sum("b_total", &["role=\"y\""]) - 0.5).abs() < 1e-9);
        assert!(samples.sum("b_total", &["role=\"z\""]).abs() < 1e-9);
        assert_eq!(samples.max("broken"), None);
    }
}
