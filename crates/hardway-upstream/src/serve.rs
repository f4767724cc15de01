//! One answer.

use std::fmt::Write;
use std::io::{self, SeekFrom};
use std::path::{Component, Path};

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};

use crate::{Fault, Request};

/// Answers a request from the files below `root`.
///
/// # Errors
/// Those of the file and of the connection.
pub(crate) async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    root: &Path,
    request: &Request,
    fault: Option<Fault>,
) -> io::Result<()> {
    match fault {
        Some(Fault::Status(status)) => return head(stream, status, 0, &[]).await,
        Some(Fault::TryLater(after)) => return head(stream, 429, 0, &[("Retry-After", after)]).await,
        Some(Fault::Redirect(to)) => return head(stream, 302, 0, &[("Location", &to)]).await,
        Some(Fault::Silence) => return std::future::pending().await,
        Some(Fault::WebPage) => {
            let page = b"<html><body>Log in, please.</body></html>";
            head(stream, 200, page.len() as u64, &[("Content-Type", "text/html; charset=utf-8")]).await?;
            return stream.write_all(page).await;
        }
        _ => {}
    }
    let path = Path::new(&request.path);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let Ok(mut file) = File::open(root.join(path)).await else { return head(stream, 404, 0, &[]).await };
    let size = file.metadata().await?.len();
    if !plain {
        return head(stream, 404, 0, &[]).await;
    }
    // Releases do not change; a name for the size is a strong validator here.
    let tag = format!("\"{size:x}\"");
    let unchanged = request.header("if-range").is_none_or(|known| known == tag);
    let from = request.from().filter(|_| unchanged && fault != Some(Fault::NoRanges));
    match from {
        Some(from) if from >= size => {
            return head(stream, 416, 0, &[("Content-Range", &format!("bytes */{size}"))]).await;
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{size}", size - 1);
            head(stream, 206, size - from, &[("Content-Range", &range), ("ETag", &tag)]).await?;
        }
        None => {
            let told = if let Some(Fault::Truncated(told)) = fault { told } else { size };
            head(stream, 200, told, &[("ETag", &tag), ("Content-Type", "application/octet-stream")]).await?;
        }
    }
    let from = from.unwrap_or(0);
    file.seek(SeekFrom::Start(from)).await?;
    let body = match fault {
        Some(Fault::Cut(bytes) | Fault::Truncated(bytes)) => bytes,
        _ => size - from,
    };
    copy(file.take(body), stream, fault == Some(Fault::Changed)).await
}

async fn copy(
    mut file: impl AsyncRead + Unpin,
    stream: &mut (impl AsyncWrite + Unpin),
    changed: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return stream.flush().await;
        }
        if changed {
            buffer[..read].iter_mut().for_each(|byte| *byte = !*byte);
        }
        stream.write_all(&buffer[..read]).await?;
    }
}

async fn head(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    length: u64,
    headers: &[(&str, &str)],
) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("writing to a text cannot fail");
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).await
}
