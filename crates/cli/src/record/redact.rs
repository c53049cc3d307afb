//! The redaction of keys in what is recorded. What is passed on keeps them.

use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

const REDACTED: &str = "[redacted]";

/// Returns the headers as they are recorded, in pairs of name and value.
///
/// A value is redacted if the name of its header may be that of a secret, and the query of a URL in
/// a value is redacted like that of the request: a redirect may lead to a URL with a key.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let recorded = |(name, value): (&http::HeaderName, &HeaderValue)| {
        let value = if deltawire_replay::may_hold_secret(name.as_str()) {
            REDACTED.to_owned()
        } else {
            let text = String::from_utf8_lossy(value.as_bytes()).replace(char::is_control, " ");
            queries(&text)
        };
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(recorded).collect()
}

/// Returns the text with the queries of all URLs in it redacted.
fn queries(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',' | '#');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('?') {
        let (before, query) = rest.split_at(start + 1);
        let (query, after) = query.split_at(query.find(ends).unwrap_or(query.len()));
        out.push_str(before);
        out.push_str(&self::query(query));
        rest = after;
    }
    out + rest
}

/// Returns the path and query of a request as they are recorded.
pub(super) fn target(target: &str) -> String {
    match target.split_once('?') {
        Some((path, query)) => format!("{path}?{}", self::query(query)),
        None => target.to_owned(),
    }
}

/// Returns the query with the values of secrets redacted.
///
/// A server decodes names before it compares them, so they are decoded here as well.
fn query(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    for pair in query.split_inclusive(['&', ';']) {
        let (pair, separator) = match pair.strip_suffix(['&', ';']) {
            Some(bare) => (bare, &pair[bare.len()..]),
            None => (pair, ""),
        };
        match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                out.push_str(name);
                out.push('=');
                out.push_str(REDACTED);
            }
            _ => out.push_str(pair),
        }
        out.push_str(separator);
    }
    out
}

fn is_secret(name: &str) -> bool {
    deltawire_replay::may_hold_secret(&percent_decode_str(name).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_secrets_in_a_query_are_redacted() {
        for (given, recorded) in [
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("/a?key=s3cret", "/a?key=[redacted]"),
            ("/a?alt=sse&key=s3cret&x=1", "/a?alt=sse&key=[redacted]&x=1"),
            (
                "/a?API_KEY=s3cret;access_token=s3cret",
                "/a?API_KEY=[redacted];access_token=[redacted]",
            ),
            ("/a?k%65y=s3cret", "/a?k%65y=[redacted]"),
            ("/a?%4B%45Y=s3cret=s3cret", "/a?%4B%45Y=[redacted]"),
            ("/a?x-auth=s3cret?s3cret", "/a?x-auth=[redacted]"),
            ("/a?api-version=2024-10-21&&b", "/a?api-version=2024-10-21&&b"),
            ("/a?", "/a?"),
            ("/a?key", "/a?key"),
        ] {
            assert_eq!(target(given), recorded);
        }
    }

    #[test]
    fn the_values_of_secret_headers_and_of_queries_in_others_are_redacted() {
        for (name, value, recorded) in [
            ("authorization", "Bearer s3cret", "[redacted]"),
            ("x-api-key", "s3cret", "[redacted]"),
            ("x-goog-api-key", "s3cret", "[redacted]"),
            ("proxy-authorization", "s3cret", "[redacted]"),
            ("set-cookie", "session=s3cret", "[redacted]"),
            ("x-amz-security-token", "s3cret", "[redacted]"),
            ("x-client-secret", "s3cret", "[redacted]"),
            ("location", "https://h/p?key=s3cret&a=1#f", "https://h/p?key=[redacted]&a=1#f"),
            (
                "link",
                "<https://h/?token=s3cret>; rel=next, </b?a=1>",
                "<https://h/?token=[redacted]>; rel=next, </b?a=1>",
            ),
            ("accept", "text/event-stream", "text/event-stream"),
            ("x-odd", "a\tb\u{e9}", "a b\u{e9}"),
        ] {
            let mut map = HeaderMap::new();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.insert(http::HeaderName::from_static(name), value);
            assert_eq!(headers(&map), [(name.to_owned(), recorded.to_owned())]);
        }
    }
}
