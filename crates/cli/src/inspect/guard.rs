//! The refusal of requests that come from other sites, and the headers of every response.
//!
//! A page of another site may send requests to a server on loopback. It reads the answers if its
//! own name resolves to 127.0.0.1 (DNS rebinding), and then the request has that name as its
//! `Host`. So a `Host` that is no loopback name and not the given address is refused. A request
//! with an `Origin` must come from this page, whose origin has the request's own `Host`.
//! `Sec-Fetch-Site` covers requests without an `Origin`, such as those of an `img`; only following
//! a link to the page is allowed.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

/// The rules for requests, made from the address that the server listens on.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    listens_on: IpAddr,
    policy: HeaderValue,
}

impl Guard {
    /// Returns the guard of a server at this address, which serves this page.
    pub(crate) fn new(address: SocketAddr, page: &str) -> Self {
        let policy = HeaderValue::try_from(policy(page));
        // A policy that allows nothing stands for one that is no header.
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { listens_on: address.ip(), policy }
    }

    /// Returns the reason why a request with these headers is refused, if it is.
    fn refusal(&self, headers: &HeaderMap, authority: Option<&str>) -> Option<String> {
        let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let Some(host) = named.or(authority) else {
            return Some("the request has no host".to_owned());
        };
        if headers.get_all(header::HOST).iter().count() > 1 {
            return Some("the request has several hosts".to_owned());
        }
        if !self.is_own(host) {
            return Some(format!("the host {host:?} is not the one that this page listens on"));
        }
        for origin in headers.get_all(header::ORIGIN) {
            let is_own = origin.to_str().is_ok_and(|origin| {
                origin.strip_prefix("http://").is_some_and(|of| of.eq_ignore_ascii_case(host))
            });
            if !is_own {
                return Some(format!("the origin {origin:?} is another site's"));
            }
        }
        let fetch = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let is_other = matches!(fetch("sec-fetch-site"), Some("cross-site" | "same-site"));
        let is_link = fetch("sec-fetch-mode") == Some("navigate")
            && fetch("sec-fetch-dest") == Some("document");
        if is_other && !is_link {
            return Some("the request comes from another site".to_owned());
        }
        None
    }

    /// Reports whether a host is a loopback name, or the address that the server listens on.
    ///
    /// Its port does not matter, because a forwarded port is another one. A server that listens on
    /// all addresses takes each address, but no name: only names can be rebound.
    fn is_own(&self, host: &str) -> bool {
        let name = host_name(host);
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let Ok(address) = name.parse::<IpAddr>() else { return false };
        address.is_loopback() || address == self.listens_on || self.listens_on.is_unspecified()
    }
}

/// Returns a host without its port, and an IPv6 address without its brackets.
fn host_name(host: &str) -> &str {
    let without_port = |host| match str::rsplit_once(host, ':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(host, |(address, _)| address),
        None => without_port(host),
    }
}

/// Returns the policy that lets the page run its own script and style, and nothing else.
fn policy(page: &str) -> String {
    let hash = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let begin = page.find(&open).map_or(page.len(), |at| at + open.len());
        let text = &page[begin..];
        let text = &text[..text.find(&close).unwrap_or(text.len())];
        BASE64.encode(Sha256::digest(text.as_bytes()))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash("script"),
        hash("style"),
    )
}

/// Refuses requests of other sites, and adds the headers that every response has.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let refusal = guard.refusal(request.headers(), authority.as_deref());
    let mut response = match refusal {
        Some(reason) => (StatusCode::FORBIDDEN, reason + "\n").into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, guard.policy.clone());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(listens_on: &str, headers: &[(&str, &str)]) -> bool {
        let guard = Guard::new(SocketAddr::new(listens_on.parse().unwrap(), 8899), "");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        guard.refusal(&map, None).is_some()
    }

    #[test]
    fn a_host_is_a_loopback_name_or_the_address_that_is_listened_on() {
        for (listens_on, host, is_refused) in [
            ("127.0.0.1", "127.0.0.1:8899", false),
            ("127.0.0.1", "localhost:8899", false),
            ("127.0.0.1", "LOCALHOST", false),
            ("127.0.0.1", "[::1]:8899", false),
            ("127.0.0.1", "localhost:9000", false),
            ("127.0.0.1", "rebound.example:8899", true),
            ("127.0.0.1", "localhost.evil.example:8899", true),
            ("127.0.0.1", "127.0.0.1.evil.example", true),
            ("127.0.0.1", "192.168.1.7:8899", true),
            ("127.0.0.1", "", true),
            ("192.168.1.7", "192.168.1.7:8899", false),
            ("192.168.1.7", "192.168.1.8:8899", true),
            ("0.0.0.0", "192.168.1.7:8899", false),
            ("0.0.0.0", "rebound.example:8899", true),
            ("::", "[fe80::1]:8899", false),
        ] {
            assert_eq!(refused(listens_on, &[("host", host)]), is_refused, "{listens_on} {host}");
        }
        assert!(refused("127.0.0.1", &[]));
        assert!(refused("127.0.0.1", &[("host", "localhost"), ("host", "localhost")]));
    }

    #[test]
    fn an_origin_is_the_page_itself() {
        for (origin, is_refused) in [
            ("http://localhost:8899", false),
            ("http://localhost:3000", true),
            ("https://localhost:8899", true),
            ("http://evil.example", true),
            ("null", true),
        ] {
            let headers = [("host", "localhost:8899"), ("origin", origin)];
            assert_eq!(refused("127.0.0.1", &headers), is_refused, "{origin}");
        }
    }

    #[test]
    fn another_site_may_link_to_the_page_and_nothing_else() {
        for (site, mode, dest, is_refused) in [
            ("same-origin", "cors", "empty", false),
            ("none", "navigate", "document", false),
            ("cross-site", "navigate", "document", false),
            ("cross-site", "navigate", "iframe", true),
            ("cross-site", "no-cors", "image", true),
            ("same-site", "no-cors", "script", true),
        ] {
            let headers = [
                ("host", "localhost:8899"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            assert_eq!(refused("127.0.0.1", &headers), is_refused, "{site} {mode} {dest}");
        }
    }

    #[test]
    fn the_policy_has_the_hashes_of_the_page_and_allows_no_inline_code() {
        let policy = policy("<style>a</style><script>b</script>");
        // printf b | openssl dgst -sha256 -binary | base64
        assert!(
            policy.contains("script-src 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='")
        );
        assert!(policy.contains("style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='"));
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
