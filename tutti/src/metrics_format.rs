//! The two formats of `/metrics`: OpenMetrics, if the client asks for it, and the text format that every version of
//! Prometheus and of its tools reads (version 0.0.4).
//!
//! Invariant: both have the same samples; only what describes them differs.

use http::{HeaderMap, header};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns the content type and the text for a client with these request headers.
pub(crate) fn negotiate(request: &HeaderMap, open_metrics: String) -> (&'static str, String) {
    let accepts = request.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepts
        .flat_map(|value| value.split(','))
        .any(|kind| kind.trim_start().starts_with("application/openmetrics-text"))
    {
        (OPEN_METRICS, open_metrics)
    } else {
        (PROMETHEUS, to_prometheus(&open_metrics))
    }
}

/// Rewrites OpenMetrics text (version 1.0.0, section on the text format) as Prometheus text: a counter's name ends with
/// `_total`, there are no units, and there is no end mark.
fn to_prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let counters: Vec<&str> =
        open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => {}
            (Some("#"), Some(about @ ("HELP" | "TYPE")), Some(name), rest) => {
                let suffix = if counters.contains(&name) { "_total" } else { "" };
                let rest = match rest.unwrap_or_default() {
                    "unknown" if about == "TYPE" => "untyped",
                    "info" | "stateset" if about == "TYPE" => "gauge",
                    rest => rest,
                };
                for part in ["# ", about, " ", name, suffix, " ", rest, "\n"] {
                    text.push_str(part);
                }
            }
            // None of our metrics has exemplars, which only OpenMetrics has.
            _ => {
                text += line;
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SAMPLES: &str = "# HELP a_requests Requests.\n# TYPE a_requests counter\na_requests_total{way=\"in\"} 3\n\
        # HELP b_bytes Bytes.\n# TYPE b_bytes gauge\n# UNIT b_bytes bytes\nb_bytes 7\n# TYPE c unknown\nc 1\n# EOF\n";

    fn format(accept: Option<&'static str>) -> (&'static str, String) {
        let headers = accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept)));
        negotiate(&headers.into_iter().collect(), SAMPLES.to_owned())
    }

    #[test]
    fn prometheus_text_is_the_default_and_openmetrics_is_for_those_who_ask() {
        for accept in [None, Some("*/*"), Some("text/plain;version=0.0.4")] {
            let (content_type, text) = format(accept);
            assert_eq!(content_type, PROMETHEUS);
            assert_eq!(
                text,
                "# HELP a_requests_total Requests.\n# TYPE a_requests_total counter\na_requests_total{way=\"in\"} 3\n\
                 # HELP b_bytes Bytes.\n# TYPE b_bytes gauge\nb_bytes 7\n# TYPE c untyped\nc 1\n"
            );
        }
        let (content_type, text) = format(Some("text/html, application/openmetrics-text;version=1.0.0;q=0.5"));
        assert!(content_type == OPEN_METRICS && text.ends_with("# EOF\n"));
    }
}
