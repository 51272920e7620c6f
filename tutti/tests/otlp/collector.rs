//! A stand-in of a collector: it takes OTLP over HTTP and keeps the spans.
//!
//! Invariant: a request that is not OTLP's protobuf is refused, as a collector would.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;

/// A span as it arrived; ids are in hexadecimal.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for the first span of a trace.
    pub(crate) parent: String,
    pub(crate) attributes: Vec<KeyValue>,
}

impl Seen {
    /// Returns an attribute as text; `None` if the span has none of this name.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        text_of(&self.attributes, name)
    }
}

/// The running collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    spans: Spans,
}

type Spans = Arc<Mutex<Vec<Seen>>>;

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, spans) = (format!("http://{}", listener.local_addr().unwrap()), Spans::default());
        let router = Router::new().route("/v1/traces", post(receive)).with_state(spans.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, spans }
    }

    /// Returns the spans that have arrived.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap().clone()
    }
}

async fn receive(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut seen = Vec::new();
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.unwrap_or_default();
        let service = text_of(&resource.attributes, "service.name").unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            seen.push(Seen {
                service: service.clone(),
                name: span.name,
                trace: hex::encode(span.trace_id),
                id: hex::encode(span.span_id),
                parent: hex::encode(span.parent_span_id),
                attributes: span.attributes,
            });
        }
    }
    spans.lock().unwrap().extend(seen);
    StatusCode::OK
}

fn text_of(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}
