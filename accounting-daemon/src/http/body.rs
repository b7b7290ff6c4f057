//! Reading a body: its media type, its size, its pace.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body, Bytes},
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT},
};

/// How much of a body that is too large is read and dropped, in multiples of the limit, so that its sender gets to read
/// the answer.
const DROPPED_MAX: usize = 16;

/// How long a pause the sender of a body that is too large may make before it is told so.
const DROPPED_PAUSE: Duration = Duration::from_secs(1);

/// What a body claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    Form,
    Csv,
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the body is larger than allowed")]
    TooLarge,
    #[error("the next part of the body took too long")]
    TooSlow,
    #[error("the body ended early")]
    CutOff,
}

/// The media type of a request; `None` for one that is not taken, and without one.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next()?;
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("charset")
            .then_some(value.trim_matches('"'))
    });
    let utf8 = |charset: &str| {
        ["utf-8", "utf8"]
            .iter()
            .any(|name| charset.eq_ignore_ascii_case(name))
    };
    if charset.is_some_and(|charset| !utf8(charset)) {
        return None;
    }
    if media_type.eq_ignore_ascii_case("application/json") {
        Some(MediaType::Json)
    } else if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Some(MediaType::Form)
    } else if media_type.eq_ignore_ascii_case("text/csv") {
        Some(MediaType::Csv)
    } else {
        None
    }
}

/// Whether a body is compressed, which none may be: what it grows to has no limit.
pub(crate) fn coded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING);
    codings
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Reads a body of at most `bytes_max` bytes, whose parts come within `pause` of each other.
///
/// # Errors
/// [`ReadError`].
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    mut body: B,
    bytes_max: usize,
    pause: Duration,
) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let too_large = announced.is_some_and(|length: usize| length > bytes_max);
    // A client that asks first is told no before it sends anything.
    if too_large && headers.contains_key(EXPECT) {
        return Err(ReadError::TooLarge);
    }
    let pause = if too_large {
        pause.min(DROPPED_PAUSE)
    } else {
        pause
    };
    let mut read = Vec::new();
    let mut size = 0usize;
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await;
        let frame = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(_) if too_large => return Err(ReadError::TooLarge),
            Err(_) => return Err(ReadError::TooSlow),
        };
        let Ok(data) = frame.map_err(|_| ReadError::CutOff)?.into_data() else {
            continue;
        };
        size = size.saturating_add(data.len());
        if size <= bytes_max {
            read.extend_from_slice(&data);
        } else if size > bytes_max.saturating_mul(DROPPED_MAX) {
            break;
        } else {
            read = Vec::new();
        }
    }
    if size > bytes_max {
        return Err(ReadError::TooLarge);
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use http_body_util::Full;
    use hyper::{body::Frame, header::HeaderValue};

    use super::*;

    #[test]
    fn media_types_are_matched_by_name_and_charset() {
        let of = |text: &'static str| {
            media_type(&HeaderMap::from_iter([(
                CONTENT_TYPE,
                HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(of("application/json"), Some(MediaType::Json));
        assert_eq!(of("Application/JSON ; charset=\"UTF-8\""), Some(MediaType::Json));
        assert_eq!(
            of("application/x-www-form-urlencoded;charset=utf-8"),
            Some(MediaType::Form)
        );
        for wrong in [
            "",
            "text/plain",
            "application/jsonp",
            "application/json; charset=utf-16",
            "multipart/form-data",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(media_type(&HeaderMap::new()), None);
    }

    /// A body of which nothing comes.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn who_announces_too_much_and_sends_nothing_is_told_so() {
        let read_of = async |announced: u32| {
            let headers = HeaderMap::from_iter([(CONTENT_LENGTH, announced.into())]);
            read(&headers, Silent, 1000, Duration::from_millis(1)).await
        };
        assert_eq!(read_of(1001).await, Err(ReadError::TooLarge));
        assert_eq!(read_of(1000).await, Err(ReadError::TooSlow));
    }

    #[tokio::test]
    async fn the_limit_is_exact() {
        let read_of = async |bytes: usize| {
            let body = Full::new(Bytes::from(vec![7; bytes]));
            read(&HeaderMap::new(), body, 1000, Duration::from_secs(5)).await
        };
        assert_eq!(read_of(1000).await.map(|body| body.len()), Ok(1000));
        assert_eq!(read_of(1001).await, Err(ReadError::TooLarge));
        assert_eq!(read_of(0).await.map(|body| body.len()), Ok(0));
    }
}
