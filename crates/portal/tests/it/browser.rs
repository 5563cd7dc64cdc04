//! What a browser without scripts does: keeps cookies, follows what it is told to, and sends
//! the forms that pages have.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Somebody with a browser.
pub(crate) struct Browser {
    routes: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) language: &'static str,
    pub(crate) address: SocketAddr,
    /// Further headers of each request.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header(LOCATION.as_str())
    }

    /// Says that there is this text, and gives the whole where there is not.
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text:?} is not in {}\n{}", self.status, self.body);
        self
    }

    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// The hidden fields of the form at that place of all that are sent to this path.
    pub(crate) fn form(&self, path: &str, place: usize) -> Vec<(String, String)> {
        let opening = format!("action=\"{path}\">");
        let form = self.body.split(&opening).nth(place + 1);
        let form = form.unwrap_or_else(|| panic!("no form {place} for {path} in {}", self.body));
        let form = form.split("</form>").next().unwrap();
        let attribute = |field: &str, name: &str| {
            let value = field.split(&format!("{name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().to_owned()
        };
        let fields = form.split("<input type=\"hidden\"").skip(1);
        fields.map(|field| (attribute(field, "name"), attribute(field, "value"))).collect()
    }
}

impl Browser {
    pub(crate) fn new(routes: Router) -> Self {
        Self {
            routes,
            cookies: BTreeMap::new(),
            language: "en",
            address: "192.0.2.1:4711".parse().unwrap(),
            headers: Vec::new(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let encoded = |text: &str| -> String {
            let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let one = |byte: u8| {
                if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            };
            text.bytes().map(one).collect()
        };
        let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let form = pairs.collect::<Vec<_>>().join("&");
        self.ask(Method::POST, path, form).await
    }

    /// Goes on to where an answer leads.
    pub(crate) async fn follow(&mut self, answer: &Answer) -> Answer {
        let location = answer.location().to_owned();
        self.get(&location).await
    }

    pub(crate) async fn ask(&mut self, method: Method, path: &str, form: String) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept-language", self.language)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, cookies)
            .extension(ConnectInfo(self.address));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(form)).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        for cookie in head.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: head.status, headers: head.headers, body }
    }
}
