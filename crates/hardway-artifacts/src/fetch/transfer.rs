//! One download, from the first attempt to the last.

use std::fs::File;
use std::io::Read;

use camino::Utf8Path;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::digest::Hasher;
use super::error::failed;
use super::failure::Failure;
use super::partial::Partial;
use super::patience::Persistence;
use super::{Downloader, Expected, FetchError};
use crate::{Progress, Report};

/// A release's list of checksums has a few thousand bytes.
const LONGEST_TEXT: usize = 1024 * 1024;

/// Bytes between two reports, and between two writes.
const PORTION: usize = 1024 * 1024;

impl Downloader {
    /// A small text, or nothing where there is none (404).
    ///
    /// # Errors
    /// Every other way in which it does not come.
    pub(crate) async fn text(&self, url: &str, report: Report<'_>) -> Result<Option<String>, FetchError> {
        let mut persistence = Persistence::new(&self.patience, url);
        loop {
            match self.try_text(url).await {
                Ok(text) => return Ok(Some(text)),
                Err(Failure::Final(FetchError::NotFound { .. })) => return Ok(None),
                Err(failure) => persistence.after(failure, 0, report).await?,
            }
        }
    }

    /// Asks once for a small text, to learn whether it can be had.
    ///
    /// # Errors
    /// Why it cannot.
    pub(crate) async fn probe(&self, url: &str) -> Result<(), FetchError> {
        match self.try_text(url).await {
            Ok(_) => Ok(()),
            Err(Failure::Final(error) | Failure::Passing { error, .. }) => Err(error),
        }
    }

    /// Puts a file at `to`, which lies on the file system of `partial` and is there only when it is whole and has the
    /// expected digest.
    ///
    /// # Errors
    /// The way in which it did not come. After a cut, what came stays in `partial`; what is wrong, and what a full disk
    /// has no room for, is removed.
    pub(crate) async fn download(
        &self,
        url: &str,
        expected: Option<&Expected>,
        partial: &Partial,
        to: &Utf8Path,
        report: Report<'_>,
    ) -> Result<(), FetchError> {
        report(Progress::Downloading { what: url.to_owned() });
        if expected.is_none() {
            // What another run has left may have lost its end in a power cut, and no digest would tell.
            partial.remove()?;
        }
        let mut persistence = Persistence::new(&self.patience, url);
        loop {
            match self.try_download(url, expected, partial, report).await {
                Ok(()) => return partial.finish(to),
                Err(Failure::Final(error @ FetchError::DiskFull { .. })) => {
                    partial.remove()?;
                    return Err(error);
                }
                Err(failure) => persistence.after(failure, partial.size(), report).await?,
            }
        }
    }

    async fn try_text(&self, url: &str) -> Result<String, Failure> {
        let mut response = self.get(url).send().await.map_err(|error| Failure::of_request(url, error))?;
        self.must_be(StatusCode::OK, url, &response)?;
        let of = response.content_length();
        let mut text = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| cut(url, text.len() as u64, of, error))? {
            text.extend_from_slice(&bytes);
            if text.len() > LONGEST_TEXT {
                return Err(FetchError::TooLong { url: url.to_owned(), limit: LONGEST_TEXT }.into());
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// One attempt, which goes on where the last one ended if the server lets it.
    async fn try_download(
        &self,
        url: &str,
        expected: Option<&Expected>,
        partial: &Partial,
        report: Report<'_>,
    ) -> Result<(), Failure> {
        let held = partial.held();
        let mut request = self.get(url);
        if let Some(held) = &held {
            request = request.header(RANGE, format!("bytes={}-", held.size));
            if let Some(validator) = &held.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let mut response = request.send().await.map_err(|error| Failure::of_request(url, error))?;
        let (offset, whole) = match (response.status(), &held, part(response.headers())) {
            (StatusCode::PARTIAL_CONTENT, Some(held), Some(Part::From(from))) if from == held.size => (from, false),
            // All had come before; only the end of the connection had not.
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(held), Some(Part::NothingAfter(size))) if size == held.size => {
                (size, true)
            }
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(_), _) => {
                partial.remove()?;
                return Err(Failure::passing(FetchError::WrongPart { url: url.to_owned() }));
            }
            _ => (0, false),
        };
        let mut hasher = match expected.map(Expected::hasher) {
            Some(hasher) if offset > 0 => Some(digest_held(hasher, &partial.body).await?),
            hasher => hasher,
        };
        if !whole {
            let wanted = if offset > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
            self.must_be(wanted, url, &response)?;
            let of = response.content_length().map(|rest| offset + rest);
            let file = if offset > 0 { partial.go_on()? } else { partial.begin(validator(response.headers()))? };
            receive(&mut response, url, file, (offset, of), partial, &mut hasher, report).await?;
        }
        if let (Some(expected), Some(hasher)) = (expected, hasher) {
            let found = hasher.finish();
            if found != expected.hexadecimal() {
                let error = FetchError::WrongDigest {
                    url: url.to_owned(),
                    algorithm: expected.algorithm(),
                    expected: expected.to_string(),
                    found,
                    size: partial.size(),
                };
                partial.remove()?;
                // Two parts of different files can come together where a server has no validator for them.
                return Err(if offset > 0 { Failure::passing(error) } else { Failure::Final(error) });
            }
        }
        Ok(())
    }

    fn must_be(&self, wanted: StatusCode, url: &str, response: &Response) -> Result<(), Failure> {
        if response.status() != wanted {
            return Err(Failure::of_status(url, response, self.credentials_for(url).is_some()));
        }
        let page = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
        if page {
            return Err(FetchError::WebPage { url: url.to_owned() }.into());
        }
        Ok(())
    }
}

/// What an answer says about the part that it holds (RFC 9110, section 14.4).
#[derive(Debug, PartialEq, Eq)]
enum Part {
    From(u64),
    NothingAfter(u64),
}

fn part(headers: &HeaderMap) -> Option<Part> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, of) = value.split_once('/')?;
    if range == "*" {
        return of.parse().ok().map(Part::NothingAfter);
    }
    range.split_once('-')?.0.parse().ok().map(Part::From)
}

/// What `If-Range` may name: a strong entity tag, else the date of the last change (RFC 9110, section 13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

fn cut(url: &str, received: u64, of: Option<u64>, error: reqwest::Error) -> Failure {
    Failure::passing(FetchError::Cut { url: url.to_owned(), received, of, source: error.without_url() })
}

/// Digests what an earlier attempt has left.
async fn digest_held(mut hasher: Hasher, path: &Utf8Path) -> Result<Hasher, FetchError> {
    let file = path.to_owned();
    let read = move || {
        let mut file = File::open(file)?;
        let mut buffer = vec![0; PORTION];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher),
                read => hasher.update(&buffer[..read]),
            }
        }
    };
    tokio::task::spawn_blocking(read)
        .await
        .expect("reading a file does not panic, and nobody aborts it")
        .map_err(|source| failed("read", path, source))
}

/// Writes a body to the end of `file`. What has come stays there when the rest does not.
async fn receive(
    response: &mut Response,
    url: &str,
    file: File,
    (offset, of): (u64, Option<u64>),
    partial: &Partial,
    hasher: &mut Option<Hasher>,
    report: Report<'_>,
) -> Result<(), Failure> {
    let full = |source| Failure::from(failed("write", &partial.body, source));
    let mut writer = BufWriter::with_capacity(PORTION, tokio::fs::File::from_std(file));
    let mut received = offset;
    let mut told = offset;
    let end = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                if let Some(hasher) = hasher {
                    hasher.update(&bytes);
                }
                writer.write_all(&bytes).await.map_err(full)?;
                received += bytes.len() as u64;
                if received - told >= PORTION as u64 {
                    told = received;
                    report(Progress::Received { what: url.to_owned(), bytes: received, of });
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(cut(url, received, of, error)),
        }
    };
    writer.flush().await.map_err(full)?;
    end
}
