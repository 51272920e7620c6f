//! The bucket: single requests, each with a timeout and a classified error.
//!
//! Owns the clients and the names in the bucket (`PREFIX ab/…` is an object, `PREFIX unfinished/ab/…/NAME` a staged
//! part of an unfinished one). Three requests that `object_store` lacks are signed by it and sent here. Invariant: no
//! request outlives its timeout, and no signed URL gets into an error or a log.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutPayload,
    RetryConfig,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::options::S3Options;
use super::xml;
use base::ObjectKey;
use objects::Error;

/// Concurrent requests with a body: each must get its share of a slow network before its timeout.
const MAX_CONCURRENT_UPLOADS: usize = 16;
/// How many times faster than our network the store copies bytes within itself, at least.
const COPY_SPEED_FACTOR: u64 = 16;
/// The least time for a second, small request, after one that took the whole deadline.
pub(super) const MIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the signature of one of our own requests is valid.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(60);
const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
const COPY_RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");

/// Returns the folder of a shard, with its slash; with no shard that of all, which has no name.
pub(super) fn folder_of(shard: &str) -> String {
    if shard.is_empty() { String::new() } else { format!("{shard}/") }
}

/// A multipart upload in progress.
struct OpenUpload {
    name: String,
    id: String,
    initiated: String,
}

/// See the module.
pub(super) struct Store {
    /// For short requests: a dead connection is given up early, and another one tried.
    calls: AmazonS3,
    /// For requests with bytes.
    bulk: AmazonS3,
    /// For URLs of the same store as browsers reach it.
    public: AmazonS3,
    http: reqwest::Client,
    upload_permits: Semaphore,
    bucket: String,
    folder: String,
    deadline: Duration,
    min_bytes_per_second: u64,
}

impl Store {
    pub(super) fn open(options: &S3Options) -> Result<Self, Error> {
        options.check()?;
        base::tls::install_provider();
        let (secret, ca_certificates) = (options.secret()?, options.ca_certificates()?.unwrap_or_default());
        let certificates = Certificate::from_pem_bundle(ca_certificates.as_bytes()).map_err(map_error)?;
        let deadline = options.deadline();
        let client = |silence: Option<Duration>| {
            let mut client =
                ClientOptions::new().with_allow_http(true).with_timeout_disabled().with_connect_timeout(deadline / 3);
            client = match silence {
                Some(silence) => client.with_read_timeout(silence),
                None => client.with_read_timeout_disabled(),
            };
            certificates.iter().fold(client, |client, certificate| client.with_root_certificate(certificate.clone()))
        };
        let build = |endpoint: Option<&String>, client: ClientOptions| {
            let base = match (&options.access_key, &secret) {
                (Some(name), Some(secret)) => {
                    AmazonS3Builder::new().with_access_key_id(name).with_secret_access_key(secret)
                }
                _ => AmazonS3Builder::from_env(),
            };
            let base = base
                .with_bucket_name(&options.bucket)
                .with_region(&options.region)
                .with_virtual_hosted_style_request(options.virtual_hosted);
            let backoff = BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(2),
                base: 2.0,
            };
            let retry = RetryConfig { backoff, max_retries: 4, retry_timeout: deadline / 2 };
            // One `DELETE` each: several servers don't support the request for many.
            let base = base.with_client_options(client).with_retry(retry).with_disable_bulk_delete(true);
            endpoint.map_or(base.clone(), |endpoint| base.with_endpoint(endpoint)).build().map_err(map_error)
        };
        let endpoint = options.endpoint.as_ref();
        let trusted = reqwest::Certificate::from_pem_bundle(ca_certificates.as_bytes()).map_err(without_url)?;
        // Large bodies go faster over connections of their own.
        let http = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(deadline / 3)
            .tls_certs_merge(trusted)
            .build()
            .map_err(without_url)?;
        Ok(Self {
            calls: build(endpoint, client(Some(deadline * 2 / 5)))?,
            bulk: build(endpoint, client(None))?,
            public: build(options.public_endpoint.as_ref().or(endpoint), client(None))?,
            http,
            upload_permits: Semaphore::new(MAX_CONCURRENT_UPLOADS),
            bucket: options.bucket.clone(),
            folder: options.key_prefix(),
            deadline,
            min_bytes_per_second: options.least_bytes_per_second.max(1),
        })
    }

    /// Returns the path of an object.
    pub(super) fn path(&self, key: &ObjectKey) -> Path {
        Path::from(format!("{}{key}", self.folder))
    }

    /// Returns the path of a staged part of an unfinished object.
    pub(super) fn staged_path(&self, key: &ObjectKey, name: &str) -> Path {
        Path::from(format!("{}unfinished/{key}/{name}", self.folder))
    }

    /// Returns the objects below a folder name, such as a shard.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<ObjectMeta>, Error> {
        let path = Path::from(format!("{}{folder}", self.folder));
        let mut listing = self.calls.list(Some(&path));
        let mut listed = Vec::new();
        // A page at a time: a long listing may take longer than one response.
        while let Some(meta) = self.with_timeout(0, listing.try_next()).await? {
            listed.push(meta);
        }
        Ok(listed)
    }

    /// Returns the part of a listed name after `folder`.
    pub(super) fn name<'a>(&self, meta: &'a ObjectMeta, folder: &str) -> Option<&'a str> {
        meta.location.as_ref().strip_prefix(self.folder.as_str())?.strip_prefix(folder)
    }

    pub(super) async fn head(&self, path: &Path) -> Result<ObjectMeta, Error> {
        self.with_timeout(0, self.calls.head(path)).await
    }

    /// The same for a caller that has waited since `asked` already: both together take little longer than one request.
    pub(super) async fn head_after(&self, path: &Path, asked: Instant) -> Result<ObjectMeta, Error> {
        let left = self.deadline.saturating_sub(asked.elapsed()).max(MIN_TIMEOUT);
        tokio::time::timeout(left, self.head(path)).await.map_err(|_| timed_out())?
    }

    /// Whether the bucket responds; unlike `HEAD` of an object it tells a missing bucket from a missing object.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let nothing = Path::from(format!("{}unfinished/none", self.folder));
        let mut listing = self.calls.list(Some(&nothing));
        require_bucket(self.with_timeout(0, listing.try_next()).await.map(drop))
    }

    pub(super) fn bulk(&self) -> &AmazonS3 {
        &self.bulk
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(super) async fn put(&self, path: &Path, chunks: Vec<Bytes>) -> Result<(), Error> {
        let payload: PutPayload = chunks.into_iter().collect();
        let bytes = payload.content_length() as u64;
        require_bucket(self.send_body(bytes, self.bulk.put(path, payload)).await.map(drop))
    }

    /// Removes an object; `Ok` even if there was none.
    pub(super) async fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.with_timeout(0, self.calls.delete(path)).await {
            Err(Error::Missing) => Ok(()),
            other => other,
        }
    }

    pub(super) async fn create_upload(&self, path: &Path) -> Result<String, Error> {
        require_bucket(self.with_timeout(0, self.calls.create_multipart(path)).await)
    }

    /// Stores a part, counted from 0, and returns its tag. [`Error::Missing`] if the upload has ended.
    pub(super) async fn put_part(
        &self,
        path: &Path,
        upload: &str,
        number: usize,
        chunks: Vec<Bytes>,
    ) -> Result<String, Error> {
        let payload: PutPayload = chunks.into_iter().collect();
        let (bytes, upload) = (payload.content_length() as u64, upload.to_owned());
        Ok(self.send_body(bytes, self.bulk.put_part(path, &upload, number, payload)).await?.content_id)
    }

    /// Copies a range of another object into a part, counted from 0, within the store, and returns its tag.
    pub(super) async fn copy_part(
        &self,
        path: &Path,
        upload: &str,
        number: usize,
        from: &Path,
        range: std::ops::Range<u64>,
    ) -> Result<String, Error> {
        let source = header(&format!("{}/{from}", self.bucket))?;
        let part = header(&format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))?;
        let number = (number + 1).to_string();
        let options = SignedUrlOptions::default()
            .with_query([("partNumber", number.as_str()), ("uploadId", upload)])
            .with_signed_header(COPY_SOURCE, source)
            .with_signed_header(COPY_RANGE, part);
        let response =
            self.send_signed(Method::PUT, path, options, (range.end - range.start) / COPY_SPEED_FACTOR).await?;
        // An error may come with a 200: the status was sent before the copy was complete.
        xml::text(&response, "ETag").ok_or_else(|| request_failed("a part could not be copied"))
    }

    pub(super) async fn complete(&self, path: &Path, upload: &str, tags: &[String], bytes: u64) -> Result<(), Error> {
        let parts = tags.iter().map(|tag| PartId { content_id: tag.clone() }).collect();
        let upload = upload.to_owned();
        self.with_timeout(bytes / COPY_SPEED_FACTOR, self.bulk.complete_multipart(path, &upload, parts)).await.map(drop)
    }

    pub(super) async fn abort(&self, path: &Path, upload: &str) -> Result<(), Error> {
        match self.with_timeout(0, self.calls.abort_multipart(path, &upload.to_owned())).await {
            Err(Error::Missing) => Ok(()),
            other => other,
        }
    }

    /// Returns the ids of the multipart uploads with exactly this name.
    pub(super) async fn uploads(&self, path: &Path) -> Result<Vec<String>, Error> {
        let all = self.uploads_under(path.as_ref()).await?;
        Ok(all.into_iter().filter_map(|upload| (upload.name == path.as_ref()).then_some(upload.id)).collect())
    }

    /// Returns the first thousand multipart uploads with names that begin so. Some servers find them only by an
    /// object's whole name, so nothing may rely on more than that.
    async fn uploads_under(&self, prefix: &str) -> Result<Vec<OpenUpload>, Error> {
        let options = SignedUrlOptions::default().with_query([("uploads", ""), ("prefix", prefix)]);
        let response = require_bucket(self.send_signed(Method::GET, &Path::default(), options, 0).await)?;
        let begun = |upload: &&str| {
            Some(OpenUpload {
                name: xml::text(upload, "Key")?,
                id: xml::text(upload, "UploadId")?,
                initiated: xml::text(upload, "Initiated").unwrap_or_default(),
            })
        };
        Ok(xml::every(&response, "Upload").iter().filter_map(begun).collect())
    }

    /// Returns the keys of a shard that have a multipart upload, as far as the server lists them, and its start.
    pub(super) async fn open_uploads(&self, shard: &str) -> Result<Vec<(ObjectKey, Option<SystemTime>)>, Error> {
        let all = self.uploads_under(&format!("{}{}", self.folder, folder_of(shard))).await?;
        let time =
            |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| SystemTime::from(time.to_utc()));
        Ok(all
            .iter()
            .filter_map(|upload| {
                Some((upload.name.strip_prefix(self.folder.as_str())?.parse().ok()?, time(&upload.initiated)))
            })
            .collect())
    }

    /// Returns a presigned URL of the object.
    pub(super) async fn presigned_url(&self, path: &Path, valid_for: Duration) -> Result<String, Error> {
        Ok(self.with_timeout(0, self.bulk.signed_url(Method::GET, path, valid_for)).await?.into())
    }

    /// The same for a browser, with the headers of the response.
    pub(super) async fn public_presigned_url(
        &self,
        path: &Path,
        valid_for: Duration,
        content_type: &str,
        disposition: &str,
    ) -> Result<String, Error> {
        let options = SignedUrlOptions::default().with_query([
            ("response-content-type", content_type),
            ("response-content-disposition", disposition),
            ("response-cache-control", "private, max-age=0"),
        ]);
        Ok(self.with_timeout(0, self.public.signed_url_opts(Method::GET, path, valid_for, &options)).await?.into())
    }

    async fn send_signed(
        &self,
        method: Method,
        path: &Path,
        options: SignedUrlOptions,
        bytes: u64,
    ) -> Result<String, Error> {
        let (name, headers) =
            (if path.as_ref().is_empty() { "the bucket" } else { "an object" }, options.signed_headers.clone());
        let asking = async {
            let url = self
                .calls
                .signed_url_opts(method.clone(), path, SIGNATURE_LIFETIME, &options)
                .await
                .map_err(map_error)?;
            let response = self.http.request(method, url).headers(headers).send().await.map_err(without_url)?;
            let (status, text) = (response.status(), response.text().await.map_err(without_url)?);
            match status {
                status if status.is_success() => Ok(text),
                StatusCode::NOT_FOUND => Err(Error::Missing),
                status => Err(full_or(
                    &text,
                    request_failed(&format!("{status} for {name}: {}", xml::text(&text, "Code").unwrap_or_default())),
                )),
            }
        };
        tokio::time::timeout(self.timeout_for(bytes), asking).await.map_err(|_| timed_out())?
    }

    fn timeout_for(&self, bytes: u64) -> Duration {
        self.deadline + Duration::from_secs(bytes / self.min_bytes_per_second)
    }

    async fn with_timeout<T>(
        &self,
        bytes: u64,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        tokio::time::timeout(self.timeout_for(bytes), work).await.map_err(|_| timed_out())?.map_err(map_error)
    }

    async fn send_body<T>(&self, bytes: u64, work: impl Future<Output = object_store::Result<T>>) -> Result<T, Error> {
        let permit = tokio::time::timeout(self.timeout_for(bytes), self.upload_permits.acquire())
            .await
            .map_err(|_| timed_out())?;
        let _permit = permit.map_err(|_| timed_out())?;
        self.with_timeout(bytes, work).await
    }
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|error| Error::Engine(std::io::Error::other(error)))
}

fn timed_out() -> Error {
    Error::Engine(std::io::ErrorKind::TimedOut.into())
}

fn request_failed(what: &str) -> Error {
    Error::Engine(std::io::Error::other(what.to_owned()))
}

/// Converts an error of our own client, without the URL.
fn without_url(error: reqwest::Error) -> Error {
    Error::Engine(std::io::Error::other(error.without_url()))
}

pub(super) fn map_error(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::Missing,
        error => {
            let text = error.to_string();
            full_or(&text, Error::Engine(std::io::Error::other(error)))
        }
    }
}

/// Returns [`Error::Full`] for the codes that servers use for a full store; S3 itself has none.
fn full_or(text: &str, other: Error) -> Error {
    let full = ["507 Insufficient Storage", "QuotaExceeded", "StorageFull", "XMinioStorageFull", "InsufficientStorage"];
    if full.iter().any(|word| text.contains(word)) { Error::Full } else { other }
}

/// For requests that need no object: a 404 means that the bucket does not exist, which a caller must not take for a
/// missing object.
fn require_bucket<T>(result: Result<T, Error>) -> Result<T, Error> {
    match result {
        Err(Error::Missing) => {
            Err(Error::Engine(std::io::Error::new(std::io::ErrorKind::NotConnected, "the bucket does not exist")))
        }
        other => other,
    }
}
