//! The web UI and the sample film, embedded in the binary.
//!
//! What Vite named after its content is cached for ever, everything else is asked for again by
//! its ETag; what was compressed when the UI was built is sent so; films are sent by ranges.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use parlor_protocol::Code;
use rust_embed::RustEmbed;

use crate::http::answer::{Refused, is_route_of_earlier_systems};

/// The built UI. In a build for development it is read from disk at each request.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../packages/web/dist"]
struct Built;

/// The page all others start from.
const INDEX: &str = "index.html";

/// Pages of the UI beside the room's: a browser that loads one directly gets the UI, which knows
/// what to show.
pub const PAGES: [&str; 14] = [
    "/",
    "/join/{code}",
    "/you",
    "/account",
    "/login",
    "/register",
    "/reset",
    "/verify",
    "/invitation",
    "/first",
    "/messages",
    "/messages/{who}",
    "/admin",
    "/admin/mail",
];

/// What the UI's pages may load. Films, pictures and playlists come from wherever people keep
/// them; scripts only from here, and YouTube's own player.
const POLICY: &str = "default-src 'self'; \
     script-src 'self' https://www.youtube.com; \
     style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob: http: https:; \
     font-src 'self' data:; \
     media-src 'self' blob: data: http: https:; \
     connect-src 'self' ws: wss: http: https:; \
     worker-src 'self' blob:; \
     frame-src https://www.youtube-nocookie.com https://www.youtube.com; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// What the server says in place of the UI when it was built without.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Parlor</title><p>Parlor is running, but its pages were not built into it. \
    Build them with <code>make build</code>, or use the <a href=\"/scalar\">API</a>.</p></html>";

/// What a link to a room looks like where it is pasted.
#[derive(Clone, Copy, Debug)]
pub struct Preview<'a> {
    /// The room's name.
    pub title: &'a str,
    /// The address of the room's page.
    pub address: &'a str,
}

/// Answers with the UI's page, which then shows whatever belongs to the address.
pub fn page(preview: Option<Preview<'_>>) -> Response {
    let Some(file) = Built::get(INDEX) else { return html(NOT_BUILT.as_bytes().into()) };
    let bytes = match preview {
        None => file.data.into_owned(),
        Some(preview) => with_preview(&String::from_utf8_lossy(&file.data), preview).into_bytes(),
    };
    html(bytes.into())
}

/// Answers with a page that is made anew each time.
pub fn html(bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups"),
    ];
    (headers, bytes).into_response()
}

/// Answers `GET /` and the other pages.
pub async fn front() -> Response {
    page(None)
}

/// Answers every address that no route has: a file of the UI, or 404 — for a person at a browser
/// as a page that says so.
pub async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Refused> {
    let path = uri.path().trim_start_matches('/');
    let hidden = path.ends_with(".br") || path.ends_with(".gz") || path == INDEX;
    let Some(file) = Built::get(path).filter(|_| !hidden) else {
        if is_navigation(&method, uri.path(), &headers) {
            return Ok((StatusCode::NOT_FOUND, page(None)).into_response());
        }
        return Err(Code::NotFound.into());
    };
    if method != Method::GET && method != Method::HEAD {
        return Err(Code::MethodNotAllowed.into());
    }
    let mut etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..12]));
    let mut response = if is_known(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match compressed(path, &headers) {
            Some((encoding, data)) => {
                let mut response = Response::new(Body::from(bytes_of(data)));
                let encoding = HeaderValue::from_static(encoding);
                response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
                // The same content in other bytes (RFC 9110, section 8.8.3.3).
                etag.insert_str(0, "W/");
                response
            }
            None => ranged(file.data, &headers, &etag),
        }
    };
    let head = response.headers_mut();
    let etag = HeaderValue::from_str(&etag).expect("base64 in quotes is a header");
    head.insert(header::ETAG, etag);
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching(path)));
    head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

/// Says whether a browser asks for a page to show, as none does for a picture or for data. The
/// addresses of the interface are never pages.
fn is_navigation(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    method == Method::GET
        && path != "/api"
        && !path.starts_with("/api/")
        && !is_route_of_earlier_systems(path)
        && accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn caching(path: &str) -> &'static str {
    // Vite puts what it names after its content into this folder.
    if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| matches!(known.trim().trim_start_matches("W/"), known if known == etag || known == "*"))
}

fn compressed(path: &str, headers: &HeaderMap) -> Option<(&'static str, Cow<'static, [u8]>)> {
    [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(coding, ending)| {
        let file = accepts(headers, coding).then(|| Built::get(&format!("{path}.{ending}")))??;
        Some((coding, file.data))
    })
}

/// Says whether the client reads a coding (RFC 9110, section 12.5.3).
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let is_named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=")?.parse::<f32>().ok());
        is_named && weight != Some(0.0)
    })
}

fn bytes_of(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// Answers with bytes of which parts may be asked for.
fn divisible(bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// Answers with the part of a file that is asked for (RFC 9110, section 14). Several parts at
/// once are answered with the whole, as a server may.
fn ranged(data: Cow<'static, [u8]>, headers: &HeaderMap, etag: &str) -> Response {
    let bytes = bytes_of(data);
    let size_bytes = bytes.len();
    // With If-Range the part is only wanted of the very file the client has begun to load.
    let is_same = headers.get(header::IF_RANGE).is_none_or(|of| of.as_bytes() == etag.as_bytes());
    let asked =
        headers.get(header::RANGE).filter(|_| is_same).and_then(|value| value.to_str().ok());
    match asked.map_or(Asked::Whole, |asked| read_range(asked, size_bytes)) {
        Asked::Whole => divisible(bytes),
        Asked::Part(part) => {
            let place = format!("bytes {}-{}/{size_bytes}", part.start(), part.end());
            let mut response = divisible(bytes.slice(part));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let place = HeaderValue::from_str(&place).expect("numbers are ASCII");
            response.headers_mut().insert(header::CONTENT_RANGE, place);
            response
        }
        Asked::Outside => {
            let mut response = divisible(Bytes::new());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            let place =
                HeaderValue::from_str(&format!("bytes */{size_bytes}")).expect("numbers are ASCII");
            response.headers_mut().insert(header::CONTENT_RANGE, place);
            response
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(RangeInclusive<usize>),
    Outside,
}

fn read_range(text: &str, size_bytes: usize) -> Asked {
    let Some(range) = text.strip_prefix("bytes=") else { return Asked::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Asked::Whole };
    let number = |text: &str| -> Option<usize> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large for us lies behind the end of every file.
        is_number.then(|| text.parse().unwrap_or(usize::MAX))
    };
    let end = size_bytes.saturating_sub(1);
    let part = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Asked::Outside,
            Some(count) => size_bytes.saturating_sub(count)..=end,
            None => return Asked::Whole,
        },
        (first, "") => match number(first) {
            Some(first) => first..=end,
            None => return Asked::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..=last.min(end),
            _ => return Asked::Whole,
        },
    };
    if *part.start() < size_bytes { Asked::Part(part) } else { Asked::Outside }
}

/// Says what kind of file it is. `nosniff` is on every answer, so a wrong word here would break a
/// page.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "m4a" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "m3u8" => "application/vnd.apple.mpegurl",
        "ts" => "video/mp2t",
        "m4s" => "video/iso.segment",
        _ => "application/octet-stream",
    }
}

/// Puts a room's name where link previews look for it.
fn with_preview(index: &str, preview: Preview<'_>) -> String {
    let title = escaped(preview.title);
    let address = escaped(preview.address);
    let tags = format!(
        "<meta property=\"og:title\" content=\"{title}\" />\
         <meta property=\"og:description\" content=\"Watch together on Parlor.\" />\
         <meta property=\"og:type\" content=\"website\" />\
         <meta property=\"og:site_name\" content=\"Parlor\" />\
         <meta property=\"og:url\" content=\"{address}\" />\
         <meta name=\"twitter:card\" content=\"summary\" />"
    );
    let kept: Vec<&str> = index
        .lines()
        .filter(|line| !line.contains("property=\"og:") || line.contains("og:image"))
        .collect();
    let kept = kept.join("\n");
    match kept.split_once("<head>") {
        Some((before, after)) => format!("{before}<head>{tags}{after}"),
        None => kept,
    }
}

/// Writes a text so that it is nothing but text, in an attribute as well.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            c => written.push(c),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        for (text, asked) in [
            ("bytes=0-0", Asked::Part(0..=0)),
            ("bytes=5-", Asked::Part(5..=9)),
            ("bytes=5-100", Asked::Part(5..=9)),
            ("bytes=-3", Asked::Part(7..=9)),
            ("bytes=-100", Asked::Part(0..=9)),
            ("bytes=10-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=5-3", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=1-2", Asked::Whole),
        ] {
            assert_eq!(read_range(text, 10), asked, "{text}");
        }
        assert_eq!(read_range("bytes=0-", 0), Asked::Outside);
    }

    fn sent(range: &'static str, if_range: Option<&'static str>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(range));
        if let Some(etag) = if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(etag));
        }
        ranged(Cow::Borrowed(b"0123456789"), &headers, "\"etag\"")
    }

    #[test]
    fn a_film_is_sent_by_ranges() {
        let part = sent("bytes=2-4", None);
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        let outside = sent("bytes=10-", None);
        assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(outside.headers()[header::CONTENT_RANGE], "bytes */10");
        assert_eq!(sent("bytes=0-1,4-5", None).status(), StatusCode::OK);
    }

    #[test]
    fn a_part_of_another_file_is_not_sent() {
        assert_eq!(sent("bytes=2-4", Some("\"etag\"")).status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(sent("bytes=2-4", Some("\"older\"")).status(), StatusCode::OK);
    }

    #[test]
    fn a_compressed_form_is_sent_only_to_those_who_read_it() {
        let known = |accepted: &'static str| {
            let headers = HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(accepted),
            )]);
            accepts(&headers, "br")
        };
        assert!(known("gzip, br;q=0.5") && known("BR"));
        assert!(!known("gzip") && !known("br;q=0") && !known("brotli"));
    }

    #[test]
    fn a_rooms_name_cannot_become_markup() {
        let index =
            "<html><head>\n<meta property=\"og:title\" content=\"Parlor\" />\n</head></html>";
        let preview =
            Preview { title: "\"><script>alert('x')</script>&", address: "http://h/room/1" };
        let page = with_preview(index, preview);
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"));
        assert!(!page.contains("content=\"Parlor\" />\n"), "{page}");
    }
}
