//! What is served, and who may have it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Form, Request, State, WebSocketUpgrade};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;

use super::{Shared, console};
use crate::Proof;
use crate::proofs::Proved;

/// The cookie's name. With the prefix a browser takes it by TLS from this host only.
const COOKIE_NAME: &str = "cp64";
const COOKIE_NAME_TLS: &str = "__Host-cp64";
/// Most bytes of a form.
const FORM_MAX: usize = 4096;
/// Nothing from elsewhere, in nobody's frame. xterm.js makes style elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the page is made of: xterm.js 6.0.0 and its addon "fit" 0.11.0 (MIT, see LICENSE-xterm), and ours.
const FILES: [(&str, &str, &str); 6] = [
    ("/xterm.js", "text/javascript; charset=utf-8", include_str!("static/xterm.js")),
    ("/addon-fit.js", "text/javascript; charset=utf-8", include_str!("static/addon-fit.js")),
    ("/xterm.css", "text/css; charset=utf-8", include_str!("static/xterm.css")),
    ("/console.js", "text/javascript; charset=utf-8", include_str!("static/console.js")),
    ("/console.css", "text/css; charset=utf-8", include_str!("static/console.css")),
    ("/licenses", "text/plain; charset=utf-8", include_str!("static/LICENSE-xterm")),
];
const LOGON: &str = include_str!("static/logon.html");
const CONSOLE: &str = include_str!("static/console.html");

type Held = State<Arc<Shared>>;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let mut app = Router::new()
        .route("/", get(page))
        .route("/logon", post(logon))
        .route("/logoff", post(logoff))
        .route("/console", get(open_console));
    for (path, kind, text) in FILES {
        app = app.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], text) }));
    }
    app.layer(DefaultBodyLimit::max(FORM_MAX)).layer(middleware::from_fn(with_headers)).with_state(shared)
}

/// The headers that every answer has.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        // Not "no-referrer": then the Origin of our own form would be "null".
        (HeaderName::from_static("referrer-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Text in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(status: StatusCode, page: &str, system: &str, message: &str) -> Response {
    let page = page.replace("{system}", &escaped(system)).replace("{message}", &escaped(message));
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn elsewhere(cookie: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, "/".to_string()), (SET_COOKIE, cookie)]).into_response()
}

/// Whether a request comes from a page of ours: its origin is the host that it asks.
fn is_ours(headers: &HeaderMap, secure: bool) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else { return false };
    origin.strip_prefix(if secure { "https://" } else { "http://" }) == Some(host)
}

impl Shared {
    fn cookie_name(&self) -> &'static str {
        if self.secure { COOKIE_NAME_TLS } else { COOKIE_NAME }
    }

    fn set_cookie(&self, value: &str, age: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", self.cookie_name())
    }

    /// The digest of the cookie that came.
    fn cookie(&self, headers: &HeaderMap) -> Option<[u8; 32]> {
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie_name()).map(|(_, value)| digest(value))
    }

    /// Who sent this, if they are logged on.
    fn visitor(&self, headers: &HeaderMap) -> Option<([u8; 32], String)> {
        let cookie = self.cookie(headers)?;
        let (mut visits, now) = self.visits();
        visits.userid(&cookie, now).map(|userid| (cookie, userid))
    }
}

fn digest(value: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, value.as_bytes()).as_ref());
    bytes
}

/// A value that nobody can guess: 256 bits.
fn secret() -> Option<String> {
    let bytes: [u8; 32] = ring::rand::generate(&ring::rand::SystemRandom::new()).ok()?.expose();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn page(State(shared): Held, headers: HeaderMap) -> Response {
    match shared.visitor(&headers) {
        Some((_, userid)) => html(StatusCode::OK, CONSOLE, &shared.system, &userid),
        None => html(StatusCode::OK, LOGON, &shared.system, ""),
    }
}

#[derive(Deserialize)]
struct Logon {
    userid: String,
    password: String,
    /// The one-time code, of those who have an authenticator.
    #[serde(default)]
    code: String,
}

async fn logon(State(shared): Held, Extension(address): Extension<IpAddr>, headers: HeaderMap, Form(form): Form<Logon>) -> Response {
    if !is_ours(&headers, shared.secure) {
        return (StatusCode::FORBIDDEN, "This request comes from another page").into_response();
    }
    let refused = |message| html(StatusCode::UNAUTHORIZED, LOGON, &shared.system, message);
    let userid = match shared.proofs.prove(address, &form.userid, Proof::Password(form.password), "web password").await {
        Proved::Known(userid) => Some(userid),
        Proved::Code(_) if form.code.trim().is_empty() => return refused("HCPLGA050E LOGON unsuccessful--type your one-time code too"),
        Proved::Code(userid) => shared.proofs.prove_code(address, &userid, form.code, "web one-time code").await.then_some(userid),
        Proved::No => None,
    };
    let Some(userid) = userid else {
        tokio::time::sleep(shared.bounds.delay).await;
        return refused("HCPLGA050E LOGON unsuccessful--incorrect userid and/or password");
    };
    let Some(value) = secret() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "The host has no random numbers").into_response();
    };
    let (mut visits, now) = shared.visits();
    visits.begin(digest(&value), &userid, now);
    elsewhere(shared.set_cookie(&value, shared.bounds.absolute.as_secs()))
}

async fn logoff(State(shared): Held, headers: HeaderMap) -> Response {
    if !is_ours(&headers, shared.secure) {
        return (StatusCode::FORBIDDEN, "This request comes from another page").into_response();
    }
    if let Some(cookie) = shared.cookie(&headers) {
        shared.visits().0.end(&cookie);
    }
    elsewhere(shared.set_cookie("", 0))
}

async fn open_console(State(shared): Held, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !is_ours(&headers, shared.secure) {
        return (StatusCode::FORBIDDEN, "This request comes from another page").into_response();
    }
    let Some((cookie, userid)) = shared.visitor(&headers) else {
        return (StatusCode::UNAUTHORIZED, "Log on first").into_response();
    };
    let upgrade = upgrade.max_message_size(console::MESSAGE_MAX).max_frame_size(console::MESSAGE_MAX);
    upgrade.on_upgrade(move |socket| console::serve(socket, shared, cookie, userid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_may_ask() {
        let headers = |origin: Option<&str>, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            origin.into_iter().for_each(|origin| drop(headers.insert(ORIGIN, origin.parse().unwrap())));
            headers
        };
        assert!(is_ours(&headers(Some("http://127.0.0.1:8064"), "127.0.0.1:8064"), false));
        assert!(is_ours(&headers(Some("https://cp.example"), "cp.example"), true));
        for (origin, secure) in
            [(Some("http://evil.example"), false), (Some("null"), false), (None, false), (Some("http://cp.example"), true)]
        {
            assert!(!is_ours(&headers(origin, "cp.example"), secure), "{origin:?}");
        }
    }

    #[test]
    fn what_a_system_is_called_is_text_in_a_page() {
        assert_eq!(escaped("<script>\"&"), "&lt;script&gt;&quot;&amp;");
        assert_ne!(secret(), secret());
    }
}
